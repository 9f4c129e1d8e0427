import { byteString } from '../../src/bytes.ts';
import { KvError } from '../../src/client.ts';
import { decodeCommand, encodeCommand } from '../../src/protocol/commands.ts';
import type { Operation, PutRequest, RangeResponse } from '../../src/types.ts';
import { memoryStoreOf } from '../store/kit.ts';
import type { SimMember } from './member.ts';
import { mayLeave, replaceLost } from './membership.ts';
import { pickMember } from './nemesis-picks.ts';
import { maySpareOne, type StrangeState } from './trouble.ts';
import { KvViolation } from './violation.ts';
import type { KvWorld } from './world.ts';

/** Keys that are put once and never again: what is made of one stays. */
const lastingKey = /^list-/;

/**
 * As if a bit of its memory had turned over while it applied a command: from there on the state of
 * one member is another one, and nothing was logged. Nobody can know before the members compare
 * their hashes, and what it says until then may be wrong. So its clients are cut off until it has
 * taken itself out of service, and may ask it again from then on: it must tell them nothing.
 */
export function makeStrange(world: KvWorld): void {
  if (!maySpareOne(world)) return;
  const one = pickMember(
    world,
    (member) => member.isUp && !member.isPaused && mayLeave(world, member),
  );
  if (one?.member === undefined) return;
  const store = memoryStoreOf(one.member);
  const trouble = { type: 'state' as const, member: one, state: undefined };
  world.trouble = trouble;
  const right = store.apply.bind(store);
  store.apply = (command, index) => {
    const wrong = world.trouble === trouble ? madeUp(command) : undefined;
    if (wrong === undefined) return right(command, index);
    store.apply = right;
    begin(world, one, { key: wrong.key, isFound: false });
    return right(wrong.command, index);
  };
}

/** The same command with a bit of a value turned over, if it has one that lasts. */
function madeUp(
  command: Uint8Array,
): { readonly command: Uint8Array; readonly key: Uint8Array } | undefined {
  let key: Uint8Array | undefined;
  const turned = <Put extends PutRequest>(put: Put): Put => {
    if (key !== undefined || !lastingKey.test(byteString(put.key))) return put;
    ({ key } = put);
    const value = Buffer.from(put.value);
    value[value.length - 1] = (value.at(-1) ?? 0) ^ 0x80;
    return { ...put, value };
  };
  const operations = decodeCommand(command).map((operation): Operation => {
    if (operation.type === 'put') return turned(operation);
    if (operation.type !== 'txn') return operation;
    const done = operation.then.map((one) => (one.type === 'put' ? turned(one) : one));
    // oxlint-disable-next-line unicorn/no-thenable -- It is data.
    return { ...operation, then: done };
  });
  return key === undefined ? undefined : { command: encodeCommand(operations), key };
}

function begin(world: KvWorld, one: SimMember, state: StrangeState): void {
  const { trouble } = world;
  if (trouble?.type !== 'state' || trouble.member !== one) return;
  trouble.state = state;
  world.strange.add(one.name);
  world.fault('state.differs', `${one.name} at ${byteString(state.key)}`);
  if (one.leads) world.mark('strange leader');
  breakOff(world, one);
}

/** Looks after it when all has come to rest: nothing that it made up may get to a client. */
export function guardStrange(world: KvWorld): void {
  const { trouble } = world;
  if (trouble?.type !== 'state' || trouble.state === undefined) return;
  const { member: one, state } = trouble;
  if (state.isFound) {
    demandSilence(one, state);
    return;
  }
  for (const link of linksOf(world, one)) link.isCut = true;
}

/** The member says that its state is not what the others have. */
export function strangeFound(world: KvWorld, one: SimMember): void {
  const { trouble } = world;
  if (trouble?.type !== 'state' || trouble.member !== one) return;
  const { state } = trouble;
  if (state === undefined || state.isFound) return;
  state.isFound = true;
  world.mark('strange state found');
  world.tell(`${one.name} is out of service`);
  letBack(world, one);
  world.queue.after(world.choices.choose('strange.replaceMs', 64) * 30, () => {
    // It may have been started again meanwhile, and come to the right state by its log.
    if (world.trouble === trouble) replaceLost(world, one);
  });
}

/** Its process is gone: what comes of its log is right again. */
export function strangeEnded(world: KvWorld, one: SimMember): void {
  const { trouble } = world;
  if (trouble?.type !== 'state' || trouble.member !== one) return;
  if (trouble.state?.isFound === false) letBack(world, one);
  if (trouble.state !== undefined) world.mark('strange state ended with its process');
  world.trouble = undefined;
}

/** @throws {KvViolation} if it still tells something. */
function demandSilence({ name, member }: SimMember, { key }: StrangeState): void {
  if (member === undefined) return;
  try {
    const { kvs } = member.service.range({ key }) as RangeResponse;
    const text = `Member ${name} is out of service, and tells ${kvs.length} pairs.`;
    throw new KvViolation('state', text);
  } catch (error) {
    const isRefused = error instanceof KvError && error.code === 'KV_UNHEALTHY';
    const isStopping = error instanceof KvError && error.code === 'KV_STOPPING';
    if (!isRefused && !isStopping) throw error;
  }
}

function linksOf(
  world: KvWorld,
  { name }: SimMember,
): readonly ReturnType<KvWorld['links']['of']>[] {
  return [...world.clients.keys()].flatMap((client) => [
    world.links.of(name, client),
    world.links.of(client, name),
  ]);
}

function letBack(world: KvWorld, one: SimMember): void {
  for (const link of linksOf(world, one)) link.isCut = false;
  // What waits to be sent was said before.
  breakOff(world, one);
}

function breakOff(world: KvWorld, one: SimMember): void {
  for (const link of linksOf(world, one)) link.reset({ isTold: true });
}
