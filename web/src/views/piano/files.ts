/** MIDI files on their way to the server. */
import type { Api } from '../../api/client';
import type { Performed } from '../../api/types';
import { toBase64 } from '../../core/base64';

/** The server takes no larger one. */
export const MOST_BYTES = 1 << 20;

export async function readMidi(api: Api, model: string, file: Blob): Promise<Performed> {
  return api.performed(model, toBase64(await file.arrayBuffer()));
}
