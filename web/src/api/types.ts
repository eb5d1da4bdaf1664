/** Short names for the server's types (schema.ts is made from openapi.json), and JSON into them. */
import type { Reply } from '../core/source';
import type { components } from './schema';

type Schemas = components['schemas'];

export type Candidate = Schemas['Candidate'];
export type Cell = Schemas['Cell'];
export type Compared = Schemas['Compared'];
export type ComparedPiece = Schemas['Piece'];
export type ComparedWord = Schemas['NextWord'];
export type ComparedWords = Schemas['NextWords'];
export type Curves = Schemas['Curves'];
export type Draw = Schemas['Draw'];
export type Experiment = Schemas['Experiment'];
export type Experiments = Schemas['Experiments'];
export type Gradient = Schemas['Gradient'];
export type HeadChanges = Schemas['HeadChanges'];
export type HeadMerge = Schemas['HeadMerge'];
export type HeadScores = Schemas['HeadScores'];
export type Ledger = Schemas['Ledger'];
export type LedgerRow = Schemas['LedgerRow'];
export type Lens = Schemas['Lens'];
export type Loss = Schemas['Loss'];
/** A problem as the server tells it: its kind, and the values of that kind. */
export type ProblemTold = Schemas['Problem'];
export type ModelInfo = Schemas['ModelInfo'];
export type Models = Schemas['Models'];
export type Neighbours = Schemas['Neighbours'];
export type Neurons = Schemas['Neurons'];
export type NextTokens = Schemas['NextTokens'];
export type Parameters = Schemas['Parameters'];
export type Performed = Schemas['Performed'];
export type River = Schemas['River'];
export type RiverStep = Schemas['RiverStep'];
export type RunInfo = Schemas['RunInfo'];
export type StepInfo = Schemas['StepInfo'];
export type Token = Schemas['Token'];
export type Tokenized = Schemas['Tokenized'];
export type Training = Schemas['Training'];
export type Trainings = Schemas['Trainings'];
export type VocabularyTokens = Schemas['VocabularyTokens'];

/** What a generation is asked for; what is left out is as the server has it. */
export interface GenerateBody extends Partial<Omit<Schemas['GenerateBody'], 'settings'>> {
  settings?: Partial<Schemas['GenerateSettings']>;
}

export type GenerateEvent =
  | ({ event: 'token' } & Schemas['GenerateToken'])
  | ({ event: 'done' } & Schemas['GenerateDone'])
  | ({ event: 'error' } & ProblemTold);

export async function asJson<T>(reply: Reply): Promise<T> {
  return JSON.parse(new TextDecoder().decode(await reply.bytes())) as T;
}
