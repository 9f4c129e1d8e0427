import type { MemberReport } from '../../../client.ts';
import type { CliContext } from '../../context.ts';
import { counted, plural, toJson } from '../../output.ts';
import { LiveScreen } from '../live-screen.ts';
import { pictureOf } from '../status-report.ts';
import type { DemoCluster } from './demo-cluster.ts';
import type { LoadPicture } from './demo-load.ts';
import type { DemoMember } from './demo-member.ts';
import { commandLines, demoLines, loadLine } from './demo-view.ts';

export interface TellerOptions {
  readonly cluster: DemoCluster;
  readonly folder: string;
  readonly called: string;
  readonly json?: boolean;
  readonly dir?: string;
  readonly keep?: boolean;
}

/** Lines that stay below the table of a terminal. */
const newsCount = 4;
/** Into a pipe, how it does is told this often. */
const reportEveryMs = 5000;

/** Tells what happens in a demo: by a live table on a terminal, otherwise by lines. */
export class DemoTeller {
  readonly #context: CliContext;
  readonly #options: TellerOptions;
  readonly #screen: LiveScreen | undefined;
  #news: readonly string[] = [];
  #leadership = '';
  #reports: readonly MemberReport[] = [];
  #running = 0;
  #toldAt = -Infinity;

  constructor(context: CliContext, options: TellerOptions) {
    this.#context = context;
    this.#options = options;
    const isLive = context.isTerminal && options.json !== true;
    this.#screen = isLive ? new LiveScreen(context) : undefined;
  }

  starting(): void {
    const { cluster, folder } = this.#options;
    const count = cluster.members.length;
    this.#running = count;
    this.#tell('starting', `Starting ${counted(count, 'member')} in ${folder} ...`, {
      members: count,
      folder,
      endpoints: cluster.addresses,
    });
  }

  /** All of them run: from now on there is a table. */
  open(onKey: (key: string) => void): void {
    this.#screen?.open(onKey);
  }

  ended(member: DemoMember, how: string): void {
    const { runningCount, members } = this.#options.cluster;
    const isEnough = 2 * runningCount > members.length;
    const left = `${runningCount} of ${members.length} ${plural(runningCount, 'is', 'are')} left`;
    const outlook = isEnough
      ? `${left}, which is a majority: it goes on.`
      : `${left}, which is no majority: nothing is written until another one runs.`;
    const text = `Member ${member.name} ${how}. ${outlook}`;
    this.#running = runningCount;
    this.#tell('ended', text, { member: member.name, how, running: runningCount });
  }

  look(reports: readonly MemberReport[], load: LoadPicture): void {
    const { cluster, called, folder } = this.#options;
    const { members } = cluster;
    this.#reports = reports;
    this.#tellOfStarts();
    this.#tellOfLeader();
    if (this.#screen !== undefined) {
      const picture = { members, reports, load, called, folder, news: this.#news };
      this.#screen.draw(demoLines(this.#context, picture));
      return;
    }
    const now = performance.now();
    if (now - this.#toldAt < reportEveryMs) return;
    this.#toldAt = now;
    this.#tell('load', loadLine(load), { ...load });
  }

  close(): void {
    this.#screen?.close();
  }

  /** The last line: nothing runs any more. */
  over(): void {
    const { cluster, folder, dir, keep = false } = this.#options;
    const kept =
      dir === undefined && !keep ? 'Their data is deleted.' : `Their data is in ${folder}.`;
    const goOn = dir === undefined ? '' : ` --dir ${dir} goes on with it.`;
    const { length } = cluster.members;
    const all = length === 1 ? 'The member has' : `All ${length} members have`;
    const text = `${all} ended. ${kept}${goOn}`;
    this.#news = [];
    this.#tell('over', text, { folder, kept: dir !== undefined || keep });
  }

  #tellOfStarts(): void {
    const { cluster } = this.#options;
    const { runningCount } = cluster;
    if (runningCount <= this.#running) return;
    this.#running = runningCount;
    const text = `${runningCount} of ${counted(cluster.members.length, 'member')} ${plural(runningCount, 'runs', 'run')}.`;
    this.#tell('started', text, { running: runningCount });
  }

  #tellOfLeader(): void {
    const { leading } = pictureOf(this.#reports);
    const { members } = this.#options.cluster;
    const leader = members.find(({ name, isRunning }) => isRunning && name === leading?.member);
    if (leading === undefined || leader === undefined) return;
    const leadership = `${leading.term} ${leader.name}`;
    if (leadership === this.#leadership) return;
    const isFirst = this.#leadership === '';
    this.#leadership = leadership;
    const { name, pid } = leader;
    const text = `Member ${name} (process ${pid}) leads in term ${leading.term}.`;
    this.#tell('leader', text, { member: name, pid, term: leading.term });
    if (isFirst && this.#screen === undefined && this.#options.json !== true) this.#sayCommands();
  }

  #sayCommands(): void {
    const { cluster, called } = this.#options;
    const lines = commandLines(cluster.members, this.#reports, called);
    this.#write(lines.join('\n'));
  }

  #tell(event: string, text: string, facts: object): void {
    this.#news = [...this.#news, text].slice(-newsCount);
    if (this.#options.json === true) this.#write(toJson({ event, ...facts }));
    else if (this.#screen?.isOpen !== true) this.#write(text);
  }

  #write(text: string): void {
    this.#context.stdout.write(`${text}\n`);
  }
}
