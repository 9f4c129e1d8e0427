import type { Message, Request } from './message.ts';
import { nodeName } from './walk-node.ts';

/**
 * Gives every message that was ever sent a name that a person can read and that does not depend on
 * a seed: what it is, from whom to whom, and where in the log. What would have the same name is
 * numbered in the order of sending, as in `append n1>n2 t1 after 3 +0 #2`.
 */
export class MessageNames {
  readonly #names: Map<Message, string> = new Map();
  readonly #messages: Map<string, Message> = new Map();
  readonly #counts: Map<string, number> = new Map();
  /** Those of one kind between the same nodes, in the order of sending. */
  readonly #byKind: Map<string, Message[]> = new Map();

  /** `request` is what `message` answers. */
  add(message: Message, request?: Request): string {
    const text = request === undefined ? requestText(message) : `answer to ${this.nameOf(request)}`;
    const count = (this.#counts.get(text) ?? 0) + 1;
    this.#counts.set(text, count);
    const name = count === 1 ? text : `${text} #${count}`;
    this.#names.set(message, name);
    this.#messages.set(name, message);
    const kind = kindOf(name);
    const alike = this.#byKind.get(kind);
    if (alike === undefined) this.#byKind.set(kind, [message]);
    else alike.push(message);
    return name;
  }

  nameOf(message: Message): string {
    const name = this.#names.get(message);
    if (name === undefined) throw new Error(`a ${message.type} was never sent`);
    return name;
  }

  find(name: string): Message | undefined {
    return this.#messages.get(name);
  }

  /**
   * What may be meant by a name that is not there: one that differs in its number only, or else
   * one of the same kind between the same nodes, whatever term and index: the newest that is not
   * in `used`. What is left out of a course of events changes the names of all that follows.
   */
  findLike(name: string, used: ReadonlySet<Message>): Message | undefined {
    const [, text, number] = /^(.*) #(\d+)$/.exec(name) ?? [];
    if (text !== undefined) {
      const count = Math.min(Number(number), this.#counts.get(text) ?? 0);
      const other = this.#messages.get(count > 1 ? `${text} #${count}` : text);
      if (other !== undefined) return other;
    }
    return this.#byKind.get(kindOf(name))?.findLast((message) => !used.has(message));
  }
}

/** A name up to its nodes, with every answer to it. */
function kindOf(name: string): string {
  return /^.*?>n\d+/.exec(name)?.[0] ?? name;
}

function requestText(message: Message): string {
  const link = `${nodeName(message.from)}>${nodeName(message.to)}`;
  switch (message.type) {
    case 'requestVote':
      return `${message.rpc.preVote ? 'pre-vote' : 'vote'} ${link} t${message.rpc.term}`;
    case 'appendEntries': {
      const { term, previous, entries } = message.rpc;
      return `append ${link} t${term} after ${previous.index} +${entries.length}`;
    }
    case 'installSnapshot':
      return `snapshot ${link} t${message.rpc.term} of ${message.rpc.meta.lastLogId.index}`;
    case 'timeoutNow':
      return `timeout-now ${link} t${message.rpc.term}`;
    case 'readIndex':
      return `read-index ${link} ${message.rpc.mode}`;
    default:
      throw new Error(`${message.type} answers nothing`);
  }
}
