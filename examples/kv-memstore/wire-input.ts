import type { NodeInfo } from 'quorate';
import { BadRequestError } from './edge-errors.ts';
import type { Command } from './store.ts';

// What callers send is checked here, once; behind this file everything has its type. Node ids are
// numbers at the edge and strings in the library.

export interface NodeInput {
  readonly id: string;
  readonly info: NodeInfo;
}

/** `{}` or `[]` mean "this node alone"; otherwise a list of `[id, node]` pairs. */
export function parseInit(body: unknown, self: NodeInput): Record<string, NodeInfo> {
  if (isEmptyObject(body)) return { [self.id]: self.info };
  if (!Array.isArray(body)) throw unexpected('{} or a list of [id, node] pairs', body);
  if (body.length === 0) return { [self.id]: self.info };

  const nodes: Record<string, NodeInfo> = {};
  for (const pair of body) {
    const node = parsePair(pair);
    if (node.id in nodes) throw new BadRequestError(`Node ${node.id} is named twice.`);
    nodes[node.id] = node.info;
  }
  return nodes;
}

/** `[2, "127.0.0.1:21002"]` or `{"node_id":2,"api_addr":"...","raft_addr":"..."}`. */
export function parseAddLearner(body: unknown): NodeInput {
  if (Array.isArray(body)) return parsePair(body);
  if (!isRecord(body)) throw unexpected('[id, node] or {"node_id","api_addr","raft_addr"}', body);

  return { id: parseNodeId(body['node_id']), info: parseNode(body) };
}

/** `[1,2,3]`: the voters to be, each one once and at least one. */
export function parseVoters(body: unknown): string[] {
  if (!Array.isArray(body)) throw unexpected('a list of node ids such as [1,2,3]', body);
  if (body.length === 0) {
    throw new BadRequestError('A cluster needs at least one voter; the list of node ids is empty.');
  }
  return [...new Set(body.map(parseNodeId))];
}

export function parseKey(body: unknown): string {
  return parseString(body, 'a key as a JSON string such as "foo"');
}

/** `{"Set":{...}}` or `{"CompareAndSet":{...}}`, exactly one of them. */
export function parseCommand(body: unknown): Command {
  const wanted = '{"Set":{...}} or {"CompareAndSet":{...}}';
  if (!isRecord(body) || Object.keys(body).length !== 1) throw unexpected(wanted, body);

  const fields = body['Set'] ?? body['CompareAndSet'];
  if (!isRecord(fields)) throw unexpected(wanted, body);

  const key = parseString(fields['key'], '"key" as a string');
  const value = parseString(fields['value'], '"value" as a string');
  if ('Set' in body) return { type: 'set', key, value };

  const expectedVersion = parseCount(fields['expected_version'], '"expected_version" as a number');
  return { type: 'compare-and-set', key, expectedVersion, value };
}

function parsePair(pair: unknown): NodeInput {
  if (!Array.isArray(pair) || pair.length !== 2) throw unexpected('a pair [id, node]', pair);
  return { id: parseNodeId(pair[0]), info: parseNode(pair[1]) };
}

function parseNodeId(id: unknown): string {
  return String(parseCount(id, 'a node id as a number from 0'));
}

/**
 * An address, or an object. `addr` and `api_addr` say where clients call and `raft_addr` where the
 * other nodes do; `data` is another name for `api_addr`. One of them alone stands for both.
 */
function parseNode(node: unknown): NodeInfo {
  if (typeof node === 'string') return { address: parseAddress(node) };
  if (!isRecord(node)) throw unexpected('an address or an object with addresses', node);

  const apiAddress = node['api_addr'] ?? node['addr'] ?? node['data'];
  const raftAddress = node['raft_addr'] ?? apiAddress;
  const address = parseAddress(raftAddress);
  if (apiAddress === undefined || apiAddress === raftAddress) return { address };
  return { address, data: { apiAddress: parseAddress(apiAddress) } };
}

function parseAddress(address: unknown): string {
  const text = parseString(address, 'an address as host:port');
  const port = Number(/^[^\s/@]+:(\d{1,5})$/.exec(text)?.[1]);
  if (!(port >= 1 && port <= 65_535)) throw unexpected('an address as host:port', address);
  return text;
}

function parseString(value: unknown, wanted: string): string {
  if (typeof value !== 'string') throw unexpected(wanted, value);
  return value;
}

function parseCount(value: unknown, wanted: string): number {
  if (typeof value !== 'number' || !Number.isSafeInteger(value) || value < 0) {
    throw unexpected(wanted, value);
  }
  return value;
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function isEmptyObject(value: unknown): boolean {
  return isRecord(value) && Object.keys(value).length === 0;
}

function unexpected(wanted: string, came: unknown): BadRequestError {
  const text = JSON.stringify(came) ?? 'nothing';
  const shown = text.length > 120 ? `${text.slice(0, 120)}...` : text;
  return new BadRequestError(`Wanted ${wanted}; got ${shown}.`);
}
