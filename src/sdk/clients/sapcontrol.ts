import type { CertificateFacts, HttpPhases } from './http.ts'

/** What may stand behind a start service. */
export type SapComponent = 'ABAP' | 'ENQUE' | 'ICM' | 'J2EE' | 'WEBDISP'

/** How one operation is asked for, and the shape of its answer. */
export interface SapRead {
  /** The element of the answer that holds its items; `single` where the answer itself is the one item. */
  readonly list: string
  readonly fields: readonly string[]
  /** The name of the answer's element, where it is not the operation's with `Response` behind. */
  readonly element?: string
  /** Asked only where the process list shows the component. */
  readonly component?: SapComponent
  /** How long one answer serves everybody who asks by the same connector, in milliseconds. Default: not at all. */
  readonly sharedMs?: number
  /** Sent along, always the same. */
  readonly argument?: { readonly name: string; readonly value: string }
}

const colour = 'dispstatus'
const quarterMinute = 15_000
const minute = 60_000
const hour = 3_600_000

/**
 * Every operation of a start service that can be asked for, with the shape of its answer. All of them only read: the same port starts, stops
 * and reconfigures systems, and what is not in this table cannot be sent. Names of fields are those of the service's own description.
 */
export const sapControlReads = {
  GetProcessList: {
    list: 'process',
    fields: ['name', 'description', colour, 'textstatus', 'starttime', 'elapsedtime', 'pid'],
  },
  GetSystemInstanceList: {
    list: 'instance',
    fields: ['hostname', 'instanceNr', 'httpPort', 'httpsPort', 'startPriority', 'features', colour],
    // How long the service itself waits for the others, in seconds.
    argument: { name: 'timeout', value: '5' },
    sharedMs: quarterMinute,
  },
  GetInstanceProperties: {
    list: 'properties',
    fields: ['property', 'propertytype', 'value'],
    sharedMs: 10 * minute,
  },
  GetVersionInfo: { list: 'version', fields: ['Filename', 'VersionInfo', 'Time'], sharedMs: 10 * minute },
  GetAccessPointList: {
    list: 'accesspoint',
    fields: ['address', 'port', 'protocol', 'processname', 'active'],
    sharedMs: minute,
  },
  GetQueueStatistic: {
    list: 'queue',
    fields: ['Typ', 'Now', 'High', 'Max', 'Writes', 'Reads'],
    component: 'ABAP',
  },
  ABAPGetWPTable: {
    list: 'workprocess',
    fields: [
      'No',
      'Typ',
      'Pid',
      'Status',
      'Reason',
      'Start',
      'Err',
      'Sem',
      'Cpu',
      'Time',
      'Program',
      'Client',
      'User',
      'Action',
      'Table',
    ],
    component: 'ABAP',
    sharedMs: quarterMinute,
  },
  ABAPReadSyslog: {
    list: 'log',
    fields: ['Time', 'Typ', 'Client', 'User', 'Tcode', 'MNo', 'Text', 'Severity'],
    component: 'ABAP',
  },
  GetAlertTree: {
    list: 'tree',
    fields: ['name', 'parent', 'ActualValue', 'description', 'Time', 'HighAlertValue', 'AlDescription', 'AlTime'],
    // Megabytes that the target itself renews once a minute; several monitors look at parts of it.
    sharedMs: minute,
  },
  EnqGetStatistic: {
    list: 'single',
    element: 'EnqStatistic',
    fields: [
      'owner-now',
      'owner-high',
      'owner-max',
      'owner-state',
      'arguments-now',
      'arguments-high',
      'arguments-max',
      'arguments-state',
      'locks-now',
      'locks-high',
      'locks-max',
      'locks-state',
      'enqueue-requests',
      'enqueue-rejects',
      'enqueue-errors',
      'dequeue-requests',
      'dequeue-errors',
      'dequeue-all-requests',
      'cleanup-requests',
      'backup-requests',
      'reporting-requests',
      'compress-requests',
      'verify-requests',
      'lock-time',
      'lock-wait-time',
      'server-time',
      'replication-state',
    ],
    component: 'ENQUE',
  },
  EnqGetLockTable: {
    list: 'lock',
    fields: [
      'lock-name',
      'lock-arg',
      'lock-mode',
      'owner',
      'owner-vb',
      'use-count-owner',
      'use-count-owner-vb',
      'client',
      'user',
      'transaction',
      'object',
      'backup',
    ],
    component: 'ENQUE',
  },
  ICMGetThreadList: {
    list: 'thread',
    fields: ['name', 'id', 'requests', 'status', 'requesttype'],
    component: 'ICM',
  },
  ICMGetConnectionList: {
    list: 'connection',
    fields: ['conid', 'protocol', 'role', 'requesttype', 'peer-address', 'connection-time'],
    component: 'ICM',
  },
  WebDispGetServerList: {
    list: 'server',
    fields: [
      'sid',
      'instance',
      'hostname',
      'protocol',
      'type',
      'status',
      'capacity',
      'load',
      'port',
      'cur-conn',
      'max-conn',
      'resp-time-avg',
      'resp-time-last',
      'ping-time-last',
    ],
    component: 'WEBDISP',
  },
  J2EEGetProcessList2: {
    list: 'process',
    fields: [
      'name',
      'pid',
      'type',
      'exitCode',
      'state',
      'statetext',
      'elapsedTime',
      'restartCount',
      'errorCount',
      'cpu',
    ],
    component: 'J2EE',
  },
  J2EEGetVMHeapInfo: {
    list: 'heap',
    fields: ['processname', 'type', 'size', 'commitSize', 'maxUsedSize', 'maxSize', colour],
    component: 'J2EE',
  },
  J2EEGetVMGCHistory2: {
    list: 'gc',
    fields: ['processname', 'type', 'startTime', 'duration', 'objBytesAfter', 'heapSize'],
    component: 'J2EE',
  },
  J2EEGetSharedTableInfo: {
    list: 'jsf',
    fields: ['table', 'used', 'peak', 'limit', colour],
    component: 'J2EE',
  },
  // Both run scripts of the cluster. Polled every minute they have brought start services down, so that one answer serves for an hour.
  HAGetFailoverConfig: {
    list: 'single',
    fields: ['HAActive', 'HAProductVersion', 'HASAPInterfaceVersion', 'HAActiveNode', 'HANodes'],
    sharedMs: hour,
  },
  HACheckConfig: { list: 'check', fields: ['state', 'category', 'description', 'comment'], sharedMs: hour },
} as const satisfies Readonly<Record<string, SapRead>>

export type SapControlRead = keyof typeof sapControlReads

/** One item of an answer. An element that is absent is null: services leave out what they do not know, and what is 0 some of them. */
export type SapRow<O extends SapControlRead> = {
  readonly [F in (typeof sapControlReads)[O]['fields'][number]]: string | null
}

export type SapAnswer<O extends SapControlRead> =
  | {
      readonly is: 'answered'
      readonly rows: readonly SapRow<O>[]
      /** Of the exchange that brought it, which may be a while ago where answers are shared. */
      readonly phases: HttpPhases
      readonly certificate?: CertificateFacts
    }
  /**
   * Nothing was sent. `paused`: a process of the instance is not GREEN, and asking then has brought start services down. `absent`: the
   * instance has no such component, or its start service no such operation. `locked`: it wants a user, and the connector has none.
   */
  | { readonly is: 'not asked'; readonly why: WhyNotAsked; readonly message: string }

export type WhyNotAsked = 'paused' | 'absent' | 'locked'

export interface SapControlClient {
  /** `host:port`, for messages. */
  readonly target: string
  /** Whether it has a user to sign in with. */
  readonly signsIn: boolean
  /**
   * Asks for one of the operations above. One request at a time is under way to a start service, whoever asks; after a fault the operation is
   * left alone for a while that doubles, and fails with the same words meanwhile.
   *
   * Throws TargetError: refused, unreachable, timed out, tls, `credentials` (a refused user is not tried again for five
   * minutes), `assertion` (the start service answers and the component behind it does not), protocol, too large.
   */
  read<O extends SapControlRead>(operation: O, signal: AbortSignal): Promise<SapAnswer<O>>
}
