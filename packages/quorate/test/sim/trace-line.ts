import type { TraceEvent } from './trace.ts';

/** One event of a trace as a line for people. */
export function traceLine(event: TraceEvent): string {
  const at = (event.at / 1000).toFixed(4).padStart(9);
  return `${String(event.number).padStart(6)} ${at} ${text(event)}`;
}

function text(event: TraceEvent): string {
  switch (event.type) {
    case 'send':
      return `${event.from} > ${event.to}  #${event.message} ${event.kind} ${event.text}`;
    case 'deliver':
    case 'lose':
    case 'answer':
    case 'loseAnswer':
      return `${names[event.type]} #${event.message} ${event.text ?? ''}`;
    case 'role': {
      const { node, role, term, leader } = event;
      return `${node} is ${role} of term ${term}, leader ${leader ?? 'unknown'}`;
    }
    case 'log': {
      const terms = event.terms.map(([term, count]) => `${count} of term ${term}`).join(', ');
      return `${event.node} has the log from ${event.first}: ${terms || 'nothing'}`;
    }
    case 'commit':
      return `${event.node} knows ${event.index} to be committed`;
    case 'apply':
      return `${event.node} has applied ${event.index}`;
    case 'disk':
    case 'clock':
      return `${event.node} ${event.type}: ${event.text}`;
    case 'cut':
    case 'heal':
      return `${event.type} ${event.links.map(([from, to]) => `${from}>${to}`).join(' ')}`;
    case 'call':
    case 'return':
      return `${event.client} ${event.type} ${event.operation} at ${event.node}: ${event.text}`;
    case 'phase':
      return `--- ${event.text}`;
    case 'violation':
      return `VIOLATION ${event.code}: ${event.text}`;
    default:
      return `${event.node} ${event.type} ${event.detail ?? ''}`;
  }
}

const names = {
  deliver: 'delivered',
  lose: 'lost',
  answer: 'answered',
  loseAnswer: 'answer lost',
} as const;
