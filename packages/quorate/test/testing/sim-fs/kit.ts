import type { SimFs } from '../../../src/testing/sim-fs/sim-fs.ts';

export function bytes(text: string): Uint8Array {
  return new TextEncoder().encode(text);
}

/** The content of a file as text, or `undefined` if there is none of that name. */
export async function textOf(files: SimFs, path: string): Promise<string | undefined> {
  const size = await files.size(path);
  if (size === undefined) return undefined;
  await using file = await files.open(path, { mode: 'read' });
  const buffer = new Uint8Array(size);
  await file.read(buffer, 0);
  return new TextDecoder().decode(buffer);
}

/** Creates a file with a durable name. */
export async function createFile(
  files: SimFs,
  path: string,
  { durableWrites = false, text = '' }: { durableWrites?: boolean; text?: string } = {},
): Promise<Awaited<ReturnType<SimFs['open']>>> {
  const file = await files.open(path, { mode: 'create', durableWrites });
  await file.write([bytes(text)], 0);
  await file.sync();
  await files.syncDirectory(path.slice(0, path.lastIndexOf('/') + 1));
  return file;
}

/** Every state that a power cut can leave now, each as `look` sees it, once and sorted. */
export async function outcomes(
  files: SimFs,
  look: (crashed: SimFs) => Promise<string | undefined>,
): Promise<(string | undefined)[]> {
  const unsettled = files.unsettled();
  let choices: number[][] = [[]];
  for (const { count } of unsettled.items) {
    choices = choices.flatMap((before) =>
      Array.from({ length: count }, (_, at) => [...before, at]),
    );
  }
  const seen = new Set<string | undefined>();
  for (const versions of choices) seen.add(await look(files.crash(unsettled, { versions })));
  return [...seen].sort((a = '', b = '') => (a < b ? -1 : 1));
}
