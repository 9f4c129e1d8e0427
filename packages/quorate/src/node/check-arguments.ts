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

/** @throws {TypeError} if this is no list of node ids. */
export function checkVoters(voters: unknown): void {
  demand(Array.isArray(voters), 'The voters must be a list of node ids', voters);
  for (const id of voters) checkId('A voter', id);
}

function checkId(what: string, id: unknown): void {
  demand(isString(id) && id !== '', `${what} must be a string that is not empty`, id);
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
