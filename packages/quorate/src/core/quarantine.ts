import type { Answer } from './action.ts';

/**
 * What is left of an answer once a node is in quarantine. It may have promised a newer term than it
 * remembers, so nobody may count on it: it gives no vote, and what it says about entries has a term
 * of which no leader is, so that it confirms neither entries nor reads nor a leader.
 */
export function silenced(answer: Answer): Answer {
  switch (answer.type) {
    case 'vote':
      return { type: 'vote', response: { ...answer.response, granted: false } };
    case 'append': {
      const hint = { term: 0, index: 0 };
      return { type: 'append', response: { term: 0, accepted: false, hint } };
    }
    case 'snapshot':
      return { type: 'snapshot', response: { ...answer.response, term: 0, match: 0 } };
    default:
      return answer;
  }
}
