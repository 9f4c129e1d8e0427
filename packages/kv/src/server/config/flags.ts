import { parseArgs } from 'node:util';

import { suggestion } from './nearest.ts';
import { options } from './options.ts';
import { optionNamed, type Settings } from './settings.ts';

const flags = new Map(
  options.flatMap((option) => (option.flag === undefined ? [] : [[option.flag.name, option]])),
);

const valueFlags: ReadonlySet<string> = new Set([...flags.keys(), 'config', 'set']);

const others = ['config', 'set', 'help', 'version'] as const;

/** What the command line says besides options. */
export interface CommandLine {
  readonly wantsHelp: boolean;
  readonly wantsVersion: boolean;
  /** The file of `--config`. */
  readonly file: string | undefined;
  /** Notes the options and what is wrong with them. Files come first, since flags win. */
  apply(settings: Settings): void;
}

/** One flag as it stands there. */
interface Token {
  readonly name: string;
  readonly rawName: string;
  readonly value: string | undefined;
}

export function readCommandLine(
  args: readonly string[],
  { folder }: { readonly folder: string },
): CommandLine {
  const { tokens } = parseArgs({
    args: withEmptyValues(args),
    strict: false,
    tokens: true,
    allowPositionals: true,
    options: {
      ...Object.fromEntries([...flags.keys()].map((name) => [name, { type: 'string' as const }])),
      config: { type: 'string' },
      set: { type: 'string', multiple: true },
      help: { type: 'boolean', short: 'h' },
      version: { type: 'boolean' },
    },
  });
  const found: Token[] = [];
  const positionals: string[] = [];
  let unknownAt = -2;
  for (const token of tokens) {
    // What stands behind a flag that nobody knows was meant as its value.
    if (token.kind === 'positional' && token.index > unknownAt + 1) positionals.push(token.value);
    if (token.kind !== 'option') continue;
    const { name, rawName, value } = token;
    found.push({ name, rawName, value: value === '' ? undefined : value });
    if (!isKnown(token.name) && token.inlineValue !== true) unknownAt = token.index;
  }
  const has = (name: string): boolean => found.some((one) => one.name === name);
  return {
    wantsHelp: has('help'),
    wantsVersion: has('version'),
    file: found.findLast(({ name }) => name === 'config')?.value,
    apply: (settings) => {
      for (const positional of positionals) {
        settings.problems.push(`"${positional}": wanted flags only; see --help.`);
      }
      for (const token of found) applyFlag(token, settings, folder);
    },
  };
}

function isKnown(name: string): boolean {
  return flags.has(name) || others.includes(name as (typeof others)[number]);
}

/** `--listen --http x`: what begins with dashes is a flag, and not the value of the first. */
function withEmptyValues(args: readonly string[]): string[] {
  return args.map((arg, at) => {
    const takesValue = arg.startsWith('--') && valueFlags.has(arg.slice(2));
    return takesValue && args[at + 1]?.startsWith('--') === true ? `${arg}=` : arg;
  });
}

function applyFlag({ name, rawName, value }: Token, settings: Settings, folder: string): void {
  const option = flags.get(name);
  if (option !== undefined) {
    const placeOf = (part: string | undefined): string =>
      part === undefined ? rawName : `${rawName} (${part})`;
    const read = option.flag?.read ?? option.read;
    settings.set(option, value, { placeOf, folder, read });
  } else if (name === 'set') {
    applySet(value, settings, folder);
  } else if (name === 'config' && value === undefined) {
    settings.problems.push('--config: wanted a path; got nothing.');
  } else if (!isKnown(name)) {
    const known = [...flags.keys(), ...others];
    settings.problems.push(`There is no flag ${rawName}${dashed(suggestion(name, known))}.`);
  }
}

function dashed(hint: string): string {
  return hint.replace('"', '"--');
}

/** `--set limits.maxKeyBytes=1024` */
function applySet(value: string | undefined, settings: Settings, folder: string): void {
  const at = value?.indexOf('=') ?? -1;
  if (value === undefined || at < 0) {
    settings.problems.push(`--set: wanted NAME=VALUE; got ${value ?? 'nothing'}.`);
    return;
  }
  const name = value.slice(0, at);
  const option = optionNamed(name);
  const place = `--set ${name}`;
  if (option === undefined) {
    settings.unknown(
      '--set',
      name,
      options.map((one) => one.name),
    );
    return;
  }
  const placeOf = (part: string | undefined): string =>
    part === undefined ? place : `${place} (${part})`;
  settings.set(option, value.slice(at + 1), { placeOf, folder });
}
