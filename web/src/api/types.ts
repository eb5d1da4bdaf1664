/** Short names for the server's types, and how an answer becomes one. */
import type { Reply } from '../core/source';

export interface Token {
  id: number;
  text: string;
  bytes: string;
}
export interface ModelInfo {
  name: string;
  fingerprint: string;
  config: { vocab_size: number; n_ctx: number; n_embd: number; n_layer: number; n_head: number };
  dtype: string;
  n_parameters: number;
  bytes: number;
  kv_bytes_per_token: number;
  vocabulary: { size: number; fingerprint: string; eot: number } | null;
}
export interface Models {
  version: string;
  current: string;
  models: ModelInfo[];
}
export interface RunInfo {
  run: string;
  model: string;
  fingerprint: string;
  ids: number[];
  tokens: Token[];
  n_ctx: number;
}
export interface Candidate extends Token {
  logit: number;
  logprob: number;
  prob: number;
  rank: number;
}

export async function asJson<T>(reply: Reply): Promise<T> {
  return JSON.parse(new TextDecoder().decode(await reply.bytes())) as T;
}
export interface NextTokens {
  candidates: Candidate[];
  rest_mass: number;
  n_rest: number;
  q?: number;
}
export interface StepInfo {
  info: RunInfo;
}
export interface Tokenized {
  ids: number[];
  tokens: Token[];
  n_tokens: number;
  n_ctx: number;
}
export interface Cell {
  site: string;
  value: number;
  formula: string;
  operands: { name: string; values: number[]; n: number }[];
  python: string;
}
export interface GenerateBody {
  n: number;
  seed: number;
  settings: Record<string, number | boolean>;
}
export type GenerateEvent = { event: 'token'; id: number; text: string } | { event: 'done' };
