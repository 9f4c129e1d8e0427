export type Row = Readonly<Record<string, string | number>>;

/** What a benchmark found, as it prints it in one line. */
export interface Report {
  readonly name: string;
  readonly machine: object;
  /** What else the figures depend on, such as versions of what they are compared with. */
  readonly about?: Readonly<Record<string, string>>;
  readonly rows: readonly Row[];
}
