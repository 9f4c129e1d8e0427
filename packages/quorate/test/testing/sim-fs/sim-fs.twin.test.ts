import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import fc from 'fast-check';
import { expect, test } from 'vitest';

import type { FileSystem, OpenFile } from '../../../src/platform/file-system.ts';
import { nodeFileSystem } from '../../../src/platform/node-file-system.ts';
import { SimFs } from '../../../src/testing/sim-fs/sim-fs.ts';

interface World {
  readonly files: FileSystem;
  readonly root: string;
  readonly open: OpenFile[];
}

/** Does something and says what came of it. */
interface Step {
  readonly call: string;
  readonly given: unknown;
  readonly run: (world: World) => Promise<unknown>;
}

const name = fc.constantFrom('a', 'b', 'c', 'dir/a', 'dir/b', 'none/a', 'a/b');
const directory = fc.constantFrom('.', 'dir', 'none');
const position = fc.integer({ min: 0, max: 1500 });
const content = fc.array(fc.uint8Array({ maxLength: 700 }), { maxLength: 3 });

function steps<Given>(
  call: string,
  given: fc.Arbitrary<Given>,
  run: (world: World, given: Given) => Promise<unknown>,
): fc.Arbitrary<Step> {
  return given.map((drawn) => ({ call, given: drawn, run: (world) => run(world, drawn) }));
}

/** Something done with a file that was opened before. */
function fileSteps<Given>(
  call: string,
  given: fc.Arbitrary<Given>,
  run: (file: OpenFile, given: Given) => Promise<unknown>,
): fc.Arbitrary<Step> {
  return steps(call, fc.tuple(fc.nat({ max: 4 }), given), async ({ open }, [at, drawn]) => {
    const file = open[at];
    return file === undefined ? 'no such handle' : run(file, drawn);
  });
}

const mode = fc.constantFrom('read', 'write', 'create');
const step: fc.Arbitrary<Step> = fc.oneof(
  steps('open', fc.tuple(name, mode, fc.boolean()), async ({ files, root, open }, drawn) => {
    const [path, as, durableWrites] = drawn;
    return open.push(await files.open(join(root, path), { mode: as, durableWrites }));
  }),
  fileSteps('write', fc.tuple(content, position), (file, [parts, at]) => file.write(parts, at)),
  fileSteps('read', fc.tuple(position, position), async (file, [at, length]) => {
    const buffer = new Uint8Array(length);
    return [await file.read(buffer, at), Buffer.from(buffer).toString('hex')];
  }),
  fileSteps('truncate', position, (file, size) => file.truncate(size)),
  fileSteps('sync', fc.constant('now'), (file) => file.sync()),
  fileSteps('size of the open', fc.constant('now'), (file) => file.size()),
  fileSteps('close', fc.constant('now'), (file) => file.close()),
  steps('rename', fc.tuple(name, name), ({ files, root }, [from, to]) =>
    files.rename(join(root, from), join(root, to)),
  ),
  steps('unlink', name, ({ files, root }, path) => files.unlink(join(root, path))),
  steps('size', name, ({ files, root }, path) => files.size(join(root, path))),
  steps('list', directory, ({ files, root }, path) => files.readDirectory(join(root, path))),
  steps('sync in', directory, ({ files, root }, path) => files.syncDirectory(join(root, path))),
  steps('make', fc.constant('dir'), ({ files, root }, path) =>
    files.makeDirectory(join(root, path)),
  ),
);

async function outcome(world: World, { run }: Step): Promise<unknown> {
  try {
    return await run(world);
  } catch (error) {
    return (error as NodeJS.ErrnoException).code;
  }
}

async function runTwice(taken: readonly Step[], root: string): Promise<void> {
  const sim = new SimFs();
  await sim.makeDirectory('/root');
  const simulated: World = { files: sim, root: '/root', open: [] };
  const real: World = { files: nodeFileSystem, root, open: [] };
  try {
    for (const each of taken) {
      expect(await outcome(simulated, each)).toEqual(await outcome(real, each));
    }
  } finally {
    for (const file of real.open) await file.close();
  }
}

test('without faults and crashes, SimFs does what the files of this machine do', async () => {
  expect.hasAssertions();
  const parent = await mkdtemp(join(tmpdir(), 'quorate-twin-'));
  const run = async (taken: Step[]): Promise<void> => {
    await runTwice(taken, await mkdtemp(join(parent, 'run-')));
  };
  try {
    const walks = fc.array(step, { minLength: 10, maxLength: 60, size: 'max' });
    await fc.assert(fc.asyncProperty(walks, run), { numRuns: 100 });
  } finally {
    await rm(parent, { recursive: true });
  }
});
