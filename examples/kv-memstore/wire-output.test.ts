import type { EffectiveMembership, RaftMetrics } from 'quorate';
import { expect, test } from 'vitest';
import {
  wireForward,
  wireLogId,
  wireMembershipAnswer,
  wireMetrics,
  wireNodeList,
  wireWriteAnswer,
} from './wire-output.ts';

const membership: EffectiveMembership = {
  cluster: 'c',
  logId: { term: 1, index: 4 },
  voters: [['1']],
  nodes: {
    1: { address: '127.0.0.1:21001' },
    2: { address: '127.0.0.1:22002', data: { apiAddress: '127.0.0.1:21002' } },
  },
};

const empty = { term: 0, index: 0 };

const none = { count: 0, totalMs: 0, meanMs: 0, p50Ms: 0, p99Ms: 0, maxMs: 0 };

const leading: RaftMetrics = {
  id: '1',
  isRunning: true,
  role: 'leader',
  term: 2,
  leader: '1',
  purged: empty,
  snapshot: empty,
  applied: { term: 1, index: 4 },
  committed: { term: 2, index: 5 },
  durable: { term: 2, index: 6 },
  last: { term: 2, index: 6 },
  membership,
  progress: new Map([
    ['2', { state: 'replicate', matchIndex: 5, lag: 1, nextIndex: 7, inflight: 1, lastAckAt: 1 }],
  ]),
  quorumContactMs: 1,
  diskSilentMs: 0,
  snapshotFailure: undefined,
  quarantine: undefined,
  waiting: { writes: 1, writeBytes: 1, reads: 0, requests: 0, calls: 1 },
  sessions: { open: 0, bytes: 0, expired: 0, refused: 0 },
  counts: {
    elections: 1,
    leaderChanges: 1,
    appendsSent: 1,
    entriesSent: 1,
    heartbeatsSent: 1,
    appendsReceived: 0,
    entriesReceived: 0,
    heartbeatsReceived: 0,
    callsUnanswered: 0,
    snapshotsBuilt: 0,
    snapshotsSent: 0,
    snapshotsReceived: 0,
    snapshotsFailed: 0,
    refused: {
      notLeader: 0,
      changeInProgress: 0,
      invalidMembership: 0,
      alreadyInitialized: 0,
      transferring: 0,
      invalidTransfer: 0,
      transferFailed: 0,
      overloaded: 0,
    },
  },
  latencies: { persist: none, replicate: none, commit: none, apply: none },
  fatal: undefined,
};

test('a log id names the leader of the current term and no other', () => {
  expect(wireLogId({ term: 2, index: 6 }, leading)).toEqual({
    leader_id: { term: 2, node_id: 1 },
    index: 6,
  });
  expect(wireLogId({ term: 1, index: 4 }, leading)).toEqual({ leader_id: { term: 1 }, index: 4 });
  expect(wireLogId(empty, leading)).toBeNull();
});

test('metrics of a leader show the cluster with numbers as node ids', () => {
  expect(wireMetrics(leading)).toEqual({
    running_state: { Ok: null },
    id: 1,
    state: 'Leader',
    current_term: 2,
    current_leader: 1,
    last_log_index: 6,
    last_applied: { leader_id: { term: 1 }, index: 4 },
    committed: { leader_id: { term: 2, node_id: 1 }, index: 5 },
    snapshot: null,
    purged: null,
    membership_config: {
      log_id: { leader_id: { term: 1 }, index: 4 },
      membership: {
        configs: [[1]],
        nodes: {
          1: { addr: '127.0.0.1:21001' },
          2: { addr: '127.0.0.1:21002', raft_addr: '127.0.0.1:22002' },
        },
      },
    },
    replication: { 2: { index: 5, next_index: 7, state: 'replicate' } },
  });
});

test('metrics of a node outside any cluster have null for what it does not know', () => {
  const metrics = wireMetrics({
    ...leading,
    role: 'learner',
    leader: undefined,
    applied: empty,
    last: empty,
    membership: { cluster: '', logId: empty, voters: [], nodes: {} },
    progress: undefined,
  });

  expect(metrics).toMatchObject({
    state: 'Learner',
    current_leader: null,
    last_log_index: null,
    last_applied: null,
    membership_config: { log_id: null, membership: { configs: [], nodes: {} } },
    replication: null,
  });
});

test('a joint membership shows both voter sets in the order of their numbers', () => {
  const joint = { ...membership, voters: [['1'], ['10', '2', '1']] };

  const answer = wireMembershipAnswer(joint, joint.logId, leading);

  expect(answer.membership?.configs).toEqual([[1], [1, 2, 10]]);
  expect(answer.data).toEqual({ value: null });
});

test('an answer to a write has its log id, value and version', () => {
  const logId = { term: 2, index: 6 };

  const answer = wireWriteAnswer({ logId, response: { value: 'bar', version: 6 } }, leading);

  expect(answer).toEqual({
    log_id: { leader_id: { term: 2, node_id: 1 }, index: 6 },
    data: { value: 'bar', version: 6 },
    membership: null,
  });
});

test('an answer to a compare-and-set that did not match has no value', () => {
  const answer = wireWriteAnswer({ logId: { term: 2, index: 6 }, response: undefined }, leading);

  expect(answer.data).toEqual({ value: null });
});

test('nodes are listed with the address where clients call', () => {
  expect(wireNodeList(membership)).toEqual({ 1: '127.0.0.1:21001', 2: '127.0.0.1:21002' });
});

test('a forward names the leader, or null for both while there is none', () => {
  expect(wireForward({ id: '1', info: { address: 'a:1' } })).toEqual({
    leader_id: 1,
    leader_node: { addr: 'a:1' },
  });
  expect(wireForward(undefined)).toEqual({ leader_id: null, leader_node: null });
});
