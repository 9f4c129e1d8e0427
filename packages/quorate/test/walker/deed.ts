import type { NodeId } from '../../src/core/types.ts';

const verbs = [
  'initialize',
  'propose',
  'read',
  'ask',
  'transfer',
  'change',
  'deliver',
  'unanswered',
  'persist',
  'sent',
  'apply',
  'restore',
  'wake',
  'wake-early',
  'pass',
  'crash',
  'lose',
  'start',
  'quarantine',
  'build',
  'save',
  'send-snapshot',
  'receive',
  'break',
  'received',
  'rest',
] as const;

export type Verb = (typeof verbs)[number];

/** What a deed needs besides its verb. What is absent is the benign answer. */
export type Details = Readonly<Record<string, string | number | undefined>>;

/**
 * One thing done to a cluster, with all that is needed to do it again: no deed draws anything. One
 * line of text each, as in a scenario file.
 *
 *     deliver append n1>n2 t1 after 1 +2
 *     crash n2 done=1 torn=append entries=1
 *     wake n3 late=200 | timeout=37
 *
 * `timeout` (percent of the way from the shortest to the longest election timeout) and `batch`
 * (entries in each append) are what a core, or the runtime around it, drew along the way.
 */
export interface Deed {
  readonly verb: Verb;
  /** The node it is done to; `undefined` with a message, and where it is done to all. */
  readonly node: NodeId | undefined;
  /** The name of the message that it is about. */
  readonly message: string | undefined;
  readonly details: Details;
  readonly timeouts: readonly number[];
  readonly batches: readonly number[];
}

export function deedText({ verb, node, message, details, timeouts, batches }: Deed): string {
  const words: string[] = [verb];
  if (node !== undefined) words.push(node);
  if (message !== undefined) words.push(message);
  for (const [name, value] of Object.entries(details)) {
    if (value !== undefined) words.push(`${name}=${value}`);
  }
  const drawn: string[] = [];
  if (timeouts.some((value) => value !== 0)) drawn.push(`timeout=${timeouts.join(',')}`);
  if (batches.some((value) => value !== 0)) drawn.push(`batch=${batches.join(',')}`);
  return drawn.length === 0 ? words.join(' ') : `${words.join(' ')} | ${drawn.join(' ')}`;
}

/** @throws RangeError if the text is no deed. */
export function parseDeed(text: string): Deed {
  const [what = '', drawn = ''] = text.split(' | ');
  const [first = '', ...rest] = what.split(' ');
  const verb = verbs.find((known) => known === first);
  if (verb === undefined) {
    throw new RangeError(`"${text}" must begin with one of ${verbs.join(', ')}.`);
  }
  const draws = detailsOf(drawn === '' ? [] : drawn.split(' '), text);
  const timeouts = numbers(draws['timeout'], text);
  const batches = numbers(draws['batch'], text);
  if (verb === 'deliver' || verb === 'unanswered') {
    const message = rest.join(' ');
    if (message === '') throw new RangeError(`"${text}" must name a message.`);
    return { verb, node: undefined, message, details: {}, timeouts, batches };
  }
  const hasNode = rest[0] !== undefined && !rest[0].includes('=');
  const node = hasNode ? rest.shift() : undefined;
  if (node === undefined && verb !== 'pass' && verb !== 'rest' && verb !== 'initialize') {
    throw new RangeError(`"${text}" must name a node after "${verb}".`);
  }
  return { verb, node, message: undefined, details: detailsOf(rest, text), timeouts, batches };
}

/** The whole number that a detail holds, or `otherwise` if it is absent. */
export function numberIn({ details }: Deed, name: string, otherwise: number): number {
  const value = details[name];
  return value === undefined ? otherwise : wholeNumber(value, `${name}=${value}`);
}

function detailsOf(words: readonly string[], text: string): Record<string, string> {
  const details: Record<string, string> = {};
  for (const word of words) {
    const [, name, value] = /^([a-z]+)=(.+)$/i.exec(word) ?? [];
    if (name === undefined || value === undefined) {
      throw new RangeError(`"${text}" has "${word}" where name=value must be.`);
    }
    details[name] = value;
  }
  return details;
}

function numbers(list: string | undefined, text: string): number[] {
  return list === undefined ? [] : list.split(',').map((value) => wholeNumber(value, text));
}

function wholeNumber(value: string | number, text: string): number {
  const number = Number(value);
  if (Number.isSafeInteger(number) && number >= 0) return number;
  throw new RangeError(`"${text}" must hold a whole number from 0 up, not ${value}.`);
}
