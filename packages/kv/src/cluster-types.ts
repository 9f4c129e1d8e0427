/* The members of a cluster: who they are, how they do, and what is changed about them. */

/** Who is in the cluster, as this member knows it. */
export interface MemberStatus {
  readonly id: string;
  readonly role: 'voter' | 'learner';
  /** Where other members reach it, `tcp://host:port`. */
  readonly peerAddress: string;
  /** Where clients reach it: the framed protocol, and HTTP. */
  readonly clientAddress?: string;
  readonly httpAddress?: string;
}

export interface MemberAddRequest {
  /** A name that no member has, and none ever had. */
  readonly id: string;
  /** Where the others reach it, `host:port`. */
  readonly address: string;
  /** It becomes a voter by itself once it has caught up. Default `false`: it stays a learner. */
  readonly voter?: boolean;
}

export interface MemberPromoteRequest {
  /** A learner. */
  readonly id: string;
  /** A voter whose place it takes, in the same step. That one leaves the cluster. */
  readonly insteadOf?: string;
}

export interface MemberRemoveRequest {
  readonly id: string;
  /** Also if those that are left and answer are no majority. */
  readonly force?: boolean;
}

/** What came of a change of the members. */
export interface MembershipChange {
  /** `false`: it was so already. */
  readonly changed: boolean;
  /** Who is in the cluster now. */
  readonly members: readonly MemberStatus[];
}

/** What an alert is about. Each has its row in docs/guide/operations.md. */
export type KvAlertCode =
  | 'failed'
  | 'quarantined'
  | 'state-differs'
  | 'not-formed'
  | 'writes-refused'
  | 'disk-full'
  | 'disk-low'
  | 'disk-unknown'
  | 'slow-disk'
  | 'no-leader'
  | 'member-silent'
  | 'slow-member'
  | 'learner-behind'
  | 'snapshot-fails'
  | 'backup-fails'
  | 'certificate'
  | 'clock-jump'
  | 'clock-differs'
  | 'versions-differ';

/** `error`: something does not work, or soon will not. `info`: nothing needs to be done at once. */
export type AlertSeverity = 'info' | 'warning' | 'error';

/** Something that somebody should know or do about a member. */
export interface KvAlert {
  readonly code: KvAlertCode;
  readonly severity: AlertSeverity;
  /** The member that it is about. */
  readonly member: string;
  /** What is so, with figures. */
  readonly message: string;
  /** What to do about it. */
  readonly advice: string;
}

/** The file system that a member's data is on, in bytes. */
export interface DiskStatus {
  /** What may still be written. */
  readonly freeBytes: number;
  /** Below this the member calls its disk low. */
  readonly lowBytes: number;
  /** What its log takes up. */
  readonly logBytes: number;
  /** What its snapshots take up. */
  readonly snapshotBytes: number;
}

/** Counts and times of a member since it was started. */
export interface LoadStatus {
  /** Ranges that were read from its state. */
  readonly reads: number;
  /** Batches of writes that it had committed while it led, and what that took all together. */
  readonly commits: number;
  readonly commitMs: number;
  /** Half of them took no longer; and 99 of 100. In milliseconds. */
  readonly commitP50Ms: number;
  readonly commitP99Ms: number;
}
