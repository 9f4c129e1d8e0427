import type { LogIndex, RaftMetrics, Role, Term } from 'quorate';
import type { ExampleServer } from './server.ts';
import { wireNodeList } from './wire-output.ts';

/** What a node tells the process that started it. */
export type Report =
  | {
      readonly type: 'listening';
      readonly address: string;
      /** The nodes of the cluster that its data tells of, with their addresses. */
      readonly members: Readonly<Record<string, string>>;
    }
  | {
      readonly type: 'metrics';
      readonly role: Role | 'stopped';
      readonly term: Term;
      readonly last: LogIndex;
      readonly applied: LogIndex;
      readonly snapshot: LogIndex;
      readonly purged: LogIndex;
    };

/** Between two reports, so that a busy node does not spend its time on them. */
const pauseMs = 50;

/**
 * Sends the newest picture of the node to the parent process as it changes, until the parent is
 * gone, however it ended: the channel between the two closes then.
 */
export async function reportToParent(
  server: ExampleServer,
  { onParentGone }: { readonly onParentGone: () => void },
): Promise<void> {
  process.once('disconnect', onParentGone);
  // It may have gone before anybody listened.
  if (!process.connected) onParentGone();
  // Ctrl-C reaches all processes of a terminal; the parent decides what it means.
  process.on('SIGINT', () => {});

  const members = wireNodeList(server.raft.metrics.membership);
  await send({ type: 'listening', address: server.address, members });
  let sent = '';
  for await (const metrics of server.raft.watch()) {
    if (!process.connected) return;
    const report = metricsReport(metrics);
    const text = JSON.stringify(report);
    if (text === sent) continue; // Something changed that is not reported.

    await send(report);
    sent = text;
    await new Promise((resolve) => setTimeout(resolve, pauseMs));
  }
}

function metricsReport(metrics: RaftMetrics): Report {
  const { term, last, applied, snapshot, purged } = metrics;
  return {
    type: 'metrics',
    role: metrics.isRunning ? metrics.role : 'stopped',
    term,
    last: last.index,
    applied: applied.index,
    snapshot: snapshot.index,
    purged: purged.index,
  };
}

/** A report that cannot be sent has no reader any more, and `disconnect` says so. */
async function send(report: Report): Promise<void> {
  await new Promise<void>((resolve) => {
    if (process.send === undefined || !process.connected) return resolve();
    process.send(report, undefined, undefined, () => resolve());
  });
}
