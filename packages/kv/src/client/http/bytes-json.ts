/* Bytes in the JSON of the HTTP API, without anything of Node. */

/** A string stands for its UTF-8. */
export type BytesJson = string | { readonly base64: string };

const encoder = new TextEncoder();
const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });
/** Arguments that a call takes for certain. */
const mostArguments = 8192;

export function bytesToJson(bytes: Uint8Array): BytesJson {
  try {
    return decoder.decode(bytes);
  } catch {
    return { base64: toBase64(bytes) };
  }
}

/** @throws {TypeError | DOMException} if this is neither. */
export function bytesFromJson(json: BytesJson): Uint8Array {
  if (typeof json === 'string') return encoder.encode(json);
  const characters = atob(json.base64);
  const bytes = new Uint8Array(characters.length);
  for (let at = 0; at < characters.length; at += 1) bytes[at] = characters.charCodeAt(at);
  return bytes;
}

/** As a part of an address: what is no letter, digit or harmless sign is written as `%XX`. */
export function percentEncoded(bytes: Uint8Array): string {
  let text = '';
  for (const byte of bytes) {
    const character = String.fromCharCode(byte);
    const isPlain = /[\w.~-]/.test(character);
    text += isPlain ? character : `%${byte.toString(16).padStart(2, '0').toUpperCase()}`;
  }
  return text;
}

function toBase64(bytes: Uint8Array): string {
  let characters = '';
  for (let from = 0; from < bytes.length; from += mostArguments) {
    characters += String.fromCharCode(...bytes.subarray(from, from + mostArguments));
  }
  return btoa(characters);
}
