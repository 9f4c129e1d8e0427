import type { Mutant } from './mutants.ts';

/** Bugs in terms, votes and elections. */
export const electionMutants: readonly Mutant[] = [
  {
    name: 'vote-not-durable',
    edits: [
      {
        file: 'election.ts',
        find: "core.hold({ type: 'vote', request, term: rpc.term, candidate }, { untilWrite: 0 });",
        replace: 'releaseVote(core, request, { term: rpc.term, candidate });',
      },
      { file: 'election.ts', find: 'if (!core.isVoteDurable) {', replace: 'if (false) {' },
    ],
    kills: ['S2', 'S3'],
  },
  {
    name: 'own-vote-not-durable',
    edits: [
      {
        file: 'election.ts',
        find: "core.hold({ type: 'campaign', term: core.term }, { untilWrite: 0 });",
        replace: 'releaseCampaign(core, core.term);',
      },
    ],
    kills: ['S2', 'S3', 'S26'],
  },
  {
    name: 'term-answered-before-durable',
    edits: [
      {
        file: 'follower.ts',
        find: 'if (core.isVoteDurable) core.reply(request, answer);',
        replace: 'if (true) core.reply(request, answer);',
      },
    ],
    kills: ['S3'],
  },
  {
    name: 'vote-erased-on-step-down',
    edits: [
      {
        file: 'step-down.ts',
        find: 'if (term > core.term) core.setVote(term, undefined);',
        replace: 'core.setVote(term, undefined);',
      },
    ],
    kills: ['S2', 'S26'],
  },
  {
    name: 'double-vote',
    edits: [
      {
        file: 'election.ts',
        find: 'return rpc.term === core.term && (core.votedFor === undefined || core.votedFor === rpc.candidate);',
        replace: 'return rpc.term === core.term;',
      },
      {
        file: 'election.ts',
        find: 'if (core.votedFor === undefined) core.setVote(core.term, candidate);',
        replace: 'core.setVote(core.term, candidate);',
      },
    ],
    kills: ['S1', 'S2', 'S26'],
  },
  {
    name: 'no-up-to-date-check',
    edits: [
      {
        file: 'election.ts',
        find: 'return compareLogIds(rpc.lastLogId, core.last) >= 0;',
        replace: 'return true;',
      },
    ],
    kills: ['S8', 'S9', 'S13', 'S16', 'S26'],
  },
  {
    name: 'up-to-date-by-length-only',
    edits: [
      {
        file: 'election.ts',
        find: 'return compareLogIds(rpc.lastLogId, core.last) >= 0;',
        replace: 'return rpc.lastLogId.index >= core.last.index;',
      },
    ],
    kills: ['S8', 'S9', 'S13', 'S16', 'S26'],
  },
  {
    name: 'wrong-quorum',
    edits: [
      {
        file: 'quorum.ts',
        find: 'return Math.floor(count / 2) + 1;',
        replace: 'return Math.max(1, Math.floor(count / 2));',
      },
    ],
    kills: ['S1', 'S10', 'S18', 'S20'],
  },
  {
    name: 'votes-of-older-round',
    edits: [
      {
        file: 'election.ts',
        find: 'const campaign: Campaign = { phase, isTransfer, tally: new Map(), calls: new Map() };',
        replace:
          'const campaign: Campaign = { phase, isTransfer, tally: new Map(), calls: core.campaign?.calls ?? new Map() };',
      },
      {
        file: 'election.ts',
        find: "const counts = campaign.phase === 'preVote' || response.term === core.term;",
        replace: 'const counts = true;',
      },
    ],
    kills: ['S1', 'S18', 'S20', 'S26'],
  },
  {
    name: 'election-without-pre-vote',
    edits: [
      {
        file: 'election.ts',
        find: 'if (!core.options.preVote) {',
        replace: 'if (!core.options.preVote || core.votedFor === undefined) {',
      },
    ],
    kills: ['S20'],
  },
  {
    name: 'pre-vote-counts-as-contact',
    edits: [
      {
        file: 'election.ts',
        find: "const answer = { type: 'vote', response: { term: core.term, granted } } as const;",
        replace:
          "if (granted) core.leaderHeardAt = core.now; const answer = { type: 'vote', response: { term: core.term, granted } } as const;",
      },
    ],
    kills: ['S20'],
  },
  {
    name: 'pre-vote-ignores-newer-term',
    edits: [
      {
        file: 'election.ts',
        find: 'if (response.term > core.term) {',
        replace: "if (response.term > core.term && core.campaign?.phase !== 'preVote') {",
      },
    ],
    kills: ['E1', 'S20'],
  },
];
