import { readFileSync } from 'node:fs';
import path from 'node:path';
import { expect, test } from 'vitest';
import { buildProgram } from '../../packages/kv/src/cli/program.ts';
import { Cluster } from '../../packages/kv/src/client/cluster.ts';
import { KvClient } from '../../packages/kv/src/client.ts';
import { helpText } from '../../packages/kv/src/server/config/help.ts';
import { contextHere } from '../../packages/kv/test/cli/support/in-process.ts';
import { readProject } from '../tidy/project-files.ts';

// What pages say of `quorate COMMAND --flag`, of `kv.call()` and of `GET /v1/path` is there.

const root = path.resolve(import.meta.dirname, '..', '..');
const pages = readProject(root).filter(({ path: name }) =>
  /^(docs\/.*|README|packages\/kv\/README)\.md$|^docs\/[^/]+\.md$/.test(name),
);

interface Mention {
  readonly place: string;
  readonly text: string;
}

/** Code in running text, and the lines of blocks that are for a shell. */
function mentions(): readonly Mention[] {
  return pages.flatMap(({ path: name, text }) => {
    let isInBlock = false;
    return text.split('\n').flatMap((line, at) => {
      const place = `${name}:${at + 1}`;
      if (line.startsWith('```')) isInBlock = !isInBlock;
      const spans = [...line.matchAll(/`([^`]+)`/g)].map(([, span = '']) => span);
      const texts = isInBlock ? [line.replace(/^\$ /, '').trim()] : spans;
      return texts.map((one) => ({ place, text: one }));
    });
  });
}

const all = mentions();
const program = await buildProgram(contextHere([]));
const serveFlags = new Set(helpText().match(/--[a-z][\w-]*/g) ?? []);

/** What is wrong with a command line, if something is. */
function complaintAboutCommand(text: string): string | undefined {
  // What is behind `--` or a pipe is another program's.
  const [own = ''] = text.split(/ -- | \| |[>&<#;]/);
  const words = own.trim().split(/\s+/).slice(1);
  const flags = words.flatMap((word) => /^--[a-z][\w-]*/.exec(word) ?? []);
  let command = program;
  for (const word of words) {
    if (!/^[a-z]/.test(word)) break;
    const inner = command.commands.find((one) => one.name() === word);
    if (inner === undefined) {
      if (command.commands.length === 0 || word === 'help') break;
      return `there is no command "${word}"`;
    }
    command = inner;
  }
  const unknown = flags.find((flag) => !isKnown(flag, command));
  return unknown === undefined ? undefined : `${command.name()} has no flag ${unknown}`;
}

function isKnown(flag: string, command: typeof program): boolean {
  if (['--help', '--version'].includes(flag)) return true;
  if (command.name() === 'serve') return serveFlags.has(flag);
  const own = [...command.options, ...program.options].map(({ long }) => long);
  return own.includes(flag);
}

test('every command that a page names is there, with its flags', () => {
  const commands = all.filter(({ text }) => /^quorate [a-z-]/.test(text));

  const wrong = commands.flatMap(({ place, text }) => {
    const complaint = complaintAboutCommand(text);
    return complaint === undefined ? [] : [`${place}: ${complaint}: ${text}`];
  });

  expect(commands.length).toBeGreaterThan(100);
  expect(wrong).toEqual([]);
});

test('every call of the client that a page names is there', () => {
  const calls = all.flatMap(({ place, text }) =>
    [...text.matchAll(/\bkv(\.cluster)?\.([a-z]\w*)\(/g)].map(([call, cluster, name = '']) => ({
      place,
      call,
      isThere: name in (cluster === undefined ? KvClient : Cluster).prototype,
    })),
  );

  expect(calls.length).toBeGreaterThan(50);
  expect(calls.filter(({ isThere }) => !isThere)).toEqual([]);
});

test('every path of the HTTP API that a page names is there', () => {
  const file = readFileSync(path.join(root, 'packages', 'kv', 'openapi.yaml'), 'utf8');
  const described = pathsIn(file);
  const named = all.flatMap(({ place, text }) => {
    const found = /^(GET|PUT|POST|DELETE) (\/(?:v1\/[\w/{}.-]+|healthz|readyz|metrics))$/.exec(
      text,
    );
    return found === null ? [] : [{ place, path: `${found[1]} ${found[2]}` }];
  });

  expect(named.length).toBeGreaterThan(20);
  expect(named.filter((one) => !described.has(one.path))).toEqual([]);
});

/** `GET /v1/status` and so on, of the lines of the file that name a path and a method. */
function pathsIn(openApi: string): ReadonlySet<string> {
  const found = new Set<string>();
  let at = '';
  for (const line of openApi.split('\n')) {
    const place = /^ {2}(\/[^:]*):$/.exec(line)?.[1];
    if (place !== undefined) at = place;
    const method = /^ {4}(get|put|post|delete):$/.exec(line)?.[1];
    if (method !== undefined) found.add(`${method.toUpperCase()} ${at}`);
  }
  return found;
}
