import type { NodeInfo } from '../core/types.ts';

/*
 * What people hand to the node often comes from JSON, whatever its type says. A wrong value must
 * not get into the log: every member would stumble over it, and go on doing so.
 */

/** @throws {TypeError} if this is no node id, or nothing that can be replicated about a node. */
export function checkMember(id: unknown, info: unknown): void {
  checkId('A node id', id);
  demand(isRecord(info), `The info of node ${String(id)} must be an object`, info);
  const { address, data } = info;
  demand(
    address === undefined || typeof address === 'string',
    `The address of node ${String(id)} must be a string`,
    address,
  );
  demand(
    data === undefined || (isRecord(data) && Object.values(data).every(isString)),
    `The data of node ${String(id)} must be an object of strings`,
    data,
  );
}

/** What a caller may say about a node; which disk it has is for the node itself to say. */
export function infoOf({ address, data }: NodeInfo): NodeInfo {
  return { ...(address === undefined ? {} : { address }), ...(data === undefined ? {} : { data }) };
}

/** What is known of a node once it has said `told`; what that leaves out stays as it was. */
export function infoAfter<Info extends NodeInfo>(known: Info, told: NodeInfo): Info {
  return { ...known, ...infoOf(told) };
}

/** `true` if what is known of a node is what it says of itself, as far as it says anything. */
export function agrees(known: NodeInfo, { address, data }: NodeInfo): boolean {
  if (address !== undefined && address !== known.address) return false;
  return data === undefined || haveSameFields(known.data ?? {}, data);
}

function haveSameFields(
  some: Readonly<Record<string, string>>,
  others: Readonly<Record<string, string>>,
): boolean {
  const names = Object.keys(some);
  if (names.length !== Object.keys(others).length) return false;
  return names.every((name) => Object.hasOwn(others, name) && some[name] === others[name]);
}

/** @throws {TypeError} if these are no places where a cluster can be asked for. */
export function checkSeeds(seeds: unknown): void {
  demand(
    Array.isArray(seeds) && seeds.length > 0,
    'The seeds must be a list of at least one { address }',
    seeds,
  );
  for (const seed of seeds) {
    demand(
      isRecord(seed) && isString(seed['address']) && seed['address'] !== '',
      'The address of a seed must be a string that is not empty',
      seed,
    );
  }
}

/** @throws {TypeError} if this is no list of node ids. */
export function checkVoters(voters: unknown): void {
  demand(Array.isArray(voters), 'The voters must be a list of node ids', voters);
  for (const id of voters) checkId('A voter', id);
}

/** @throws {TypeError} if this is no way to read. */
export function checkReadMode(mode: unknown): void {
  demand(mode === 'quorum' || mode === 'lease', 'The mode must be "quorum" or "lease"', mode);
}

/** @throws {TypeError} if this is no node id. */
export function checkId(what: string, id: unknown): void {
  demand(isString(id) && id !== '', `${what} must be a string that is not empty`, id);
}

/** @throws {RangeError} if this is no number of a session or of a write. */
export function checkCount(what: string, count: unknown): void {
  if (Number.isSafeInteger(count) && (count as number) > 0) return;
  throw new RangeError(`${what} must be a whole number above 0; it is ${String(count)}.`);
}

function isString(value: unknown): value is string {
  return typeof value === 'string';
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function demand(holds: boolean, wanted: string, came: unknown): asserts holds {
  if (holds) return;
  throw new TypeError(`${wanted}; it is ${JSON.stringify(came) ?? String(came)}.`);
}
