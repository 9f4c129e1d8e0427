import type { TraceEvent } from '../../trace.ts';
import { formatMs } from './axis.ts';
import { lastIndexOf } from './node-states.ts';
import type { Story } from './story.ts';

/** An event in words: one line, and what else there is to know. */
export type Description = {
  readonly title: string;
  readonly facts: readonly (readonly [name: string, value: string])[];
};

export function describe(story: Story, event: TraceEvent): Description {
  const more = wordsOf(story, event);
  return {
    title: more.title,
    facts: [['event', `#${event.number}`], ['time', formatMs(event.at)], ...(more.facts ?? [])],
  };
}

/** One line for lists and for those who hear the page: number, time, and what happened. */
export function lineOf(story: Story, event: TraceEvent): string {
  return `#${event.number} ${formatMs(event.at)} ${wordsOf(story, event).title}`;
}

type Words = { readonly title: string; readonly facts?: Description['facts'] };

function wordsOf(story: Story, event: TraceEvent): Words {
  switch (event.type) {
    case 'start':
    case 'crash':
    case 'close':
    case 'pause':
    case 'resume':
    case 'wipe': {
      const { node, detail = '' } = event;
      return { title: `${node} ${lifeWords[event.type]}${detail === '' ? '' : `: ${detail}`}` };
    }
    case 'send':
    case 'deliver':
    case 'lose':
    case 'answer':
    case 'loseAnswer':
      return messageWords(story, event);
    case 'role': {
      const { node, role, term, leader } = event;
      const known = leader === undefined ? '' : `, leader ${leader}`;
      return { title: `${node} is ${role} in term ${term}${known}` };
    }
    case 'log':
      return logWords(event);
    case 'commit':
      return { title: `${event.node} has committed up to ${event.index}` };
    case 'apply':
      return { title: `${event.node} has applied up to ${event.index}` };
    case 'disk':
    case 'clock':
      return { title: `${event.type} of ${event.node}: ${event.text}` };
    case 'cut':
    case 'heal': {
      const links = event.links.map(([from, to]) => `${from} → ${to}`).join(', ');
      return { title: `${event.type === 'cut' ? 'cut off' : 'healed'}: ${links}` };
    }
    case 'call':
    case 'return': {
      const { client, operation, node, text } = event;
      const title = `${client} ${event.type === 'call' ? 'calls' : 'hears from'} ${node}: ${text}`;
      return { title, facts: [['operation', String(operation)]] };
    }
    case 'phase':
      return { title: `phase: ${event.text}` };
    case 'violation':
      return { title: `VIOLATION ${event.code}: ${event.text}` };
  }
}

const lifeWords = {
  start: 'starts',
  crash: 'crashes',
  close: 'closes',
  pause: 'pauses',
  resume: 'goes on',
  wipe: 'loses its disk',
} as const;

const fateWords = {
  deliver: 'arrives',
  lose: 'is lost',
  answer: 'is answered',
  loseAnswer: 'was received, its answer is lost',
} as const;

function messageWords(
  story: Story,
  event: Extract<TraceEvent, { readonly message: number }>,
): Words {
  if (event.type === 'send') {
    const { from, to, kind, text, message } = event;
    const title = `${from} → ${to} ${kind} ${text}`;
    return { title, facts: [['message', String(message)]] };
  }
  const sent = story.sends.get(event.message);
  const about = sent === undefined ? `message ${event.message}` : `${sent.from} → ${sent.to}`;
  const text = event.text === undefined || event.text === '' ? '' : `: ${event.text}`;
  const kind = sent === undefined ? '' : ` ${sent.kind}`;
  const facts: (readonly [string, string])[] = [['message', String(event.message)]];
  if (sent !== undefined) {
    facts.push(['sent', `#${sent.number}, ${formatMs(sent.at)}`]);
    if (sent.text !== '') facts.push(['call', sent.text]);
    facts.push(['under way', formatMs(event.at - sent.at)]);
  }
  return { title: `${about}${kind} ${fateWords[event.type]}${text}`, facts };
}

function logWords(event: Extract<TraceEvent, { readonly type: 'log' }>): Words {
  const last = lastIndexOf(event);
  const range = last < event.first ? 'is empty' : `holds ${event.first} to ${last}`;
  const terms = event.terms.map(([term, count]) => `${count} of term ${term}`).join(', ');
  return {
    title: `the log of ${event.node} ${range}`,
    facts: terms === '' ? [] : [['entries', terms]],
  };
}
