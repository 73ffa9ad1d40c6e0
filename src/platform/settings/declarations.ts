/**
 * Every setting of an instance, declared once. From here come its flag, its environment variable, its place in `settings.yaml` and
 * in `GET|PUT /settings`, its check, the portal's form and docs/settings.md.
 */
interface Common {
  /** What it does. One or two sentences. */
  readonly help: string
  /** What goes wrong when it is too small, or what the first choice costs. */
  readonly tooSmall?: string
  /** What goes wrong when it is too large. */
  readonly tooLarge?: string
  /** `--flag` of `farwatch start`. Absent: not on the command line. */
  readonly flag?: string
  readonly variable: string
  /**
   * Who it holds for: `travels` is handed from the server to every agent, `server` matters where the server role is,
   * `local` is each instance's own.
   */
  readonly scope: 'travels' | 'server' | 'local'
  /** When a change holds: `at once`, after a `restart`, or `start`: given when starting and not changed by portal or API. */
  readonly change: 'at once' | 'restart' | 'start'
  /** Never shown, stored or logged, and only taken from the environment. */
  readonly secret?: true
  /** It says how long, or how much, is kept. */
  readonly retention?: true
}

export type SettingDeclaration = Common &
  (
    | { readonly kind: 'text'; readonly default: string; readonly maxLength: number }
    | { readonly kind: 'choice'; readonly of: readonly string[]; readonly default: string }
    | { readonly kind: 'flag'; readonly default: boolean }
    /** A list of URLs, separated by commas in the environment. */
    | { readonly kind: 'urls'; readonly default: readonly string[] }
    /** `unit`: what a plain number means; a duration (`10s`) or a size (`1GiB`) may be written as well. */
    | {
        readonly kind: 'number'
        readonly unit: '' | 'ms' | 'B' | 'MiB' | 'days' | 'hours'
        readonly default: number
        readonly min: number
        readonly max: number
      }
    /** URL of an HTTP proxy, perhaps with user name and password, which is never shown; empty for none. */
    | { readonly kind: 'proxy'; readonly default: string }
    /** `all`, `statistics`, or `longer-than 5s`. */
    | { readonly kind: 'result-retention'; readonly default: 'all' }
  )

const minute = 60_000
const day = 24 * 60 * minute

export const settingDeclarations = {
  data: {
    kind: 'text',
    default: './data',
    maxLength: 4_000,
    flag: '--data <directory>',
    variable: 'FARWATCH_DATA',
    scope: 'local',
    change: 'start',
    help: 'The data directory: everything the instance owns. Made at the first start.',
  },
  host: {
    kind: 'text',
    default: '0.0.0.0',
    maxLength: 253,
    flag: '--host <address>',
    variable: 'FARWATCH_HOST',
    scope: 'local',
    change: 'start',
    help: 'The address on which the portal and the API are served. `127.0.0.1` keeps them to this machine.',
  },
  port: {
    kind: 'number',
    unit: '',
    default: 8443,
    min: 0,
    max: 65_535,
    flag: '--port <number>',
    variable: 'FARWATCH_PORT',
    scope: 'local',
    change: 'start',
    help: 'The port on which the portal and the API are served, always with HTTPS. 0 takes a free one; the ready line names it.',
  },
  role: {
    kind: 'choice',
    of: ['standalone', 'server', 'agent'],
    default: 'standalone',
    flag: '--role <role>',
    variable: 'FARWATCH_ROLE',
    scope: 'local',
    change: 'at once',
    help: '`standalone` is server and agent in one; `server` hands out work only; `agent` works for the servers it is given.',
  },
  name: {
    kind: 'text',
    default: '',
    maxLength: 100,
    flag: '--name <name>',
    variable: 'FARWATCH_NAME',
    scope: 'local',
    change: 'at once',
    help: 'The name under which the instance, and its agent, is shown. Empty: the name of the machine.',
  },
  servers: {
    kind: 'urls',
    default: [],
    flag: '--server <url>',
    variable: 'FARWATCH_SERVER',
    scope: 'local',
    change: 'at once',
    help: 'The servers an agent works for, as `https://name:port`, with the path where a reverse proxy has them below one. Several are tried in order until one is active. The flag may be repeated.',
  },
  publicUrl: {
    kind: 'text',
    default: '',
    maxLength: 2_000,
    variable: 'FARWATCH_PUBLIC_URL',
    scope: 'local',
    change: 'at once',
    help: 'Where agents and people elsewhere reach this server, as `https://name:port`. The servers of a pair tell it each other and their agents. Empty: the first name in the certificate that is not `localhost`.',
  },
  proxy: {
    kind: 'proxy',
    default: '',
    flag: '--proxy <url>',
    variable: 'FARWATCH_PROXY',
    scope: 'local',
    change: 'at once',
    help: 'The HTTP or HTTPS proxy through which an agent reaches its servers, as `http://name:port` or `http://user:password@name:port`. The password is kept and never shown. Empty: none.',
  },
  databaseUrl: {
    kind: 'text',
    default: '',
    maxLength: 2_000,
    variable: 'FARWATCH_DATABASE_URL',
    scope: 'local',
    change: 'start',
    secret: true,
    help: 'A PostgreSQL database for the configuration and the results. Empty: the embedded database in the data directory. This version has the embedded one only.',
  },
  adminPassword: {
    kind: 'text',
    default: '',
    maxLength: 1_000,
    variable: 'FARWATCH_ADMIN_PASSWORD',
    scope: 'local',
    change: 'start',
    secret: true,
    help: 'Creates the user `admin` with this password at the first start, for unattended installation. Empty: a one-time set-up link is printed.',
  },
  enrolmentToken: {
    kind: 'text',
    default: '',
    maxLength: 1_000,
    variable: 'FARWATCH_ENROLMENT_TOKEN',
    scope: 'local',
    change: 'start',
    secret: true,
    help: 'Lets the server accept this agent without an administrator.',
  },
  parallelTasks: {
    kind: 'number',
    unit: '',
    // A run against a target that does not answer takes its whole timeout: 50 places are taken by 300 such targets at a minute and 10 s.
    default: 200,
    min: 1,
    max: 10_000,
    variable: 'FARWATCH_PARALLEL_TASKS',
    scope: 'travels',
    change: 'at once',
    help: 'How many monitors an agent runs at the same time.',
    tooSmall: 'Slow targets hold up the others, and slots are skipped as `overload`.',
    tooLarge:
      'Many waiting connections at once: memory and file descriptors of the agent run out before its processors do.',
  },
  parallelPerTarget: {
    kind: 'number',
    unit: '',
    // A run at a near target takes about 3 ms and as long again between the processes, so that 4 places just hold 1,000 a second.
    default: 8,
    min: 1,
    max: 1_000,
    variable: 'FARWATCH_PARALLEL_PER_TARGET',
    scope: 'travels',
    change: 'at once',
    help: 'How many monitors an agent runs at the same time against one target.',
    tooSmall: 'A target with many monitors is measured late.',
    tooLarge: 'Monitoring becomes a load of its own on the target.',
  },
  processTimeoutMs: {
    kind: 'number',
    unit: 'ms',
    default: 2 * minute,
    min: 1_000,
    max: 60 * minute,
    variable: 'FARWATCH_PROCESS_TIMEOUT_MS',
    scope: 'travels',
    change: 'at once',
    help: 'The longest any run may take, whatever its own timeout says. A monitoring process that does not end a run by then is killed.',
    tooSmall: 'Slow but healthy monitors are reported as timed out.',
    tooLarge: 'A monitor that hangs holds its place for so long.',
  },
  processes: {
    kind: 'number',
    unit: '',
    default: 0,
    min: 0,
    max: 256,
    variable: 'FARWATCH_PROCESSES',
    scope: 'local',
    change: 'restart',
    help: 'How many monitoring processes the agent keeps. 0: one for every processor.',
    tooSmall:
      'One processor only measures; a monitor that is ended takes the runs beside it along to a new process more often.',
    tooLarge: 'About 30 MB of memory each, for nothing once every processor is busy.',
  },
  processMemoryMiB: {
    kind: 'number',
    unit: 'MiB',
    default: 256,
    min: 64,
    max: 65_536,
    variable: 'FARWATCH_PROCESS_MEMORY_MIB',
    scope: 'local',
    change: 'restart',
    help: 'The memory one monitoring process may use before it is ended and replaced.',
    tooSmall:
      'Monitors with large answers end as `killed: memory`. Where the tasks of a process do not fit (about 80,000 HTTP checks do in 256 MiB) it is replaced again and again, which can double what a check costs.',
    tooLarge: 'A leak in one monitor takes memory from everything else on the machine.',
  },
  logLevel: {
    kind: 'choice',
    of: ['debug', 'info', 'warn', 'error'],
    default: 'info',
    flag: '--log-level <level>',
    variable: 'FARWATCH_LOG_LEVEL',
    scope: 'travels',
    change: 'at once',
    help: 'What is logged. A level changed in the portal or by API falls back after `logDurationMs`.',
  },
  logDurationMs: {
    kind: 'number',
    unit: 'ms',
    default: 60 * minute,
    min: 0,
    max: 7 * day,
    variable: 'FARWATCH_LOG_DURATION_MS',
    scope: 'travels',
    change: 'at once',
    help: 'How long a log level changed at run time holds before it falls back to the one of the start. 0: for good.',
    tooLarge: 'Forgotten debug logging fills the log files and pushes out what happened before.',
  },
  logRetentionDays: {
    kind: 'number',
    unit: 'days',
    default: 14,
    min: 1,
    max: 3_650,
    variable: 'FARWATCH_LOG_RETENTION_DAYS',
    scope: 'local',
    change: 'at once',
    retention: true,
    help: 'How long log files are kept. They are bounded by `logMaxBytes` as well.',
  },
  logMaxBytes: {
    kind: 'number',
    unit: 'B',
    default: 256 * 1024 ** 2,
    min: 1024 ** 2,
    max: 1024 ** 4,
    variable: 'FARWATCH_LOG_MAX_BYTES',
    scope: 'local',
    change: 'at once',
    retention: true,
    help: 'How much room all log files together may take; the oldest go first.',
  },
  spoolMaxBytes: {
    kind: 'number',
    unit: 'B',
    default: 1024 ** 3,
    min: 1024 ** 2,
    max: 1024 ** 4,
    variable: 'FARWATCH_SPOOL_MAX_BYTES',
    scope: 'local',
    change: 'at once',
    retention: true,
    help: 'How much room results may take that the server has not acknowledged yet.',
    tooSmall: 'A short outage of the server already loses results; each loss is recorded as `lost`.',
    tooLarge: 'A long outage fills the disk of the agent.',
  },
  spoolMaxAgeMs: {
    kind: 'number',
    unit: 'ms',
    default: day,
    min: minute,
    max: 365 * day,
    variable: 'FARWATCH_SPOOL_MAX_AGE_MS',
    scope: 'local',
    change: 'at once',
    retention: true,
    help: 'How long results wait for the server before they are given up and recorded as `lost`.',
    tooSmall: 'As for `spoolMaxBytes`.',
    tooLarge: 'After a long outage the backlog takes long to drain.',
  },
  offlineTimeoutMs: {
    kind: 'number',
    unit: 'ms',
    default: 15_000,
    min: 5_000,
    max: 60 * minute,
    variable: 'FARWATCH_OFFLINE_TIMEOUT_MS',
    scope: 'server',
    change: 'at once',
    help: 'How long an agent is silent before it is OFFLINE and its work is given to others.',
    tooSmall: 'A slow line or a busy server loses agents that are well, and their work moves for nothing.',
    tooLarge: 'What a lost agent ran is measured by nobody for so long.',
  },
  failoverDrillDays: {
    kind: 'number',
    unit: 'days',
    default: 0,
    min: 0,
    max: 365,
    variable: 'FARWATCH_FAILOVER_DRILL_DAYS',
    scope: 'server',
    change: 'at once',
    help: 'After how many days the PRIMARY of a pair, while it is the active one, runs a drill by itself: it hands over to the SECONDARY and takes back. 0: never.',
    tooSmall: 'Each drill interrupts the work of both for a moment.',
    tooLarge: 'That the SECONDARY cannot take over is found out when it has to.',
  },
  failoverDrillHour: {
    kind: 'number',
    unit: '',
    default: 3,
    min: 0,
    max: 23,
    variable: 'FARWATCH_FAILOVER_DRILL_HOUR',
    scope: 'server',
    change: 'at once',
    help: 'The hour of the day, in UTC, in which such a drill begins.',
  },
  rawRetentionDays: {
    kind: 'number',
    unit: 'days',
    default: 30,
    min: 1,
    max: 3_650,
    variable: 'FARWATCH_RAW_RETENTION_DAYS',
    scope: 'server',
    change: 'at once',
    retention: true,
    help: 'How long every single value of a series is kept.',
    tooSmall: 'Older charts show means over five minutes instead of what was measured.',
    tooLarge: 'Disk: about 3 bytes a value, so 1,000 series at one minute take 130 MB in 30 days.',
  },
  rollup5mRetentionDays: {
    kind: 'number',
    unit: 'days',
    default: 180,
    min: 1,
    max: 3_650,
    variable: 'FARWATCH_ROLLUP_5M_RETENTION_DAYS',
    scope: 'server',
    change: 'at once',
    retention: true,
    help: 'How long the roll-ups over five minutes (min, max, mean, count) are kept.',
  },
  rollup1hRetentionDays: {
    kind: 'number',
    unit: 'days',
    default: 1_095,
    min: 1,
    max: 36_500,
    variable: 'FARWATCH_ROLLUP_1H_RETENTION_DAYS',
    scope: 'server',
    change: 'at once',
    retention: true,
    help: 'How long the roll-ups over one hour (min, max, mean, count) are kept.',
  },
  resultRetention: {
    kind: 'result-retention',
    default: 'all',
    variable: 'FARWATCH_RESULT_RETENTION',
    scope: 'server',
    change: 'at once',
    retention: true,
    help: 'Which results (outcome, duration, message) are kept one by one: `all`, `statistics` (none, only their counts and durations in sum) or `longer-than 5s` (runs that took longer, and those that failed). Values of metrics are kept in any case.',
  },
  resultRetentionDays: {
    kind: 'number',
    unit: 'days',
    default: 30,
    min: 1,
    max: 3_650,
    variable: 'FARWATCH_RESULT_RETENTION_DAYS',
    scope: 'server',
    change: 'at once',
    retention: true,
    help: 'How long results that are kept one by one are kept.',
  },
  seriesPerConnector: {
    kind: 'number',
    unit: '',
    default: 5_000,
    min: 10,
    max: 1_000_000,
    variable: 'FARWATCH_SERIES_PER_CONNECTOR',
    scope: 'server',
    change: 'at once',
    help: 'How many series one connector may bring into being. Beyond it values of new series are refused, and an alarm says so.',
    tooSmall: 'Large exporters are kept in part.',
    tooLarge: 'A target that invents a label for every request grows the store without bound.',
  },
  metricsPublic: {
    kind: 'flag',
    default: false,
    variable: 'FARWATCH_METRICS_PUBLIC',
    scope: 'local',
    change: 'at once',
    help: 'Whether `/metrics` answers without a token. It tells numbers about the instance, no names of what is watched.',
  },
  sessionHours: {
    kind: 'number',
    unit: 'hours',
    default: 12,
    min: 1,
    max: 24 * 90,
    variable: 'FARWATCH_SESSION_HOURS',
    scope: 'local',
    change: 'at once',
    help: 'How long a sign-in lasts.',
    tooLarge: 'A screen left open, or a stolen cookie, stays signed in for so long.',
  },
} as const satisfies Record<string, SettingDeclaration>

export type SettingName = keyof typeof settingDeclarations
export const settingNames = Object.keys(settingDeclarations) as readonly SettingName[]

/** Which results are kept one by one. */
export type ResultRetention =
  | { readonly keep: 'all' }
  | { readonly keep: 'statistics' }
  | { readonly keep: 'longer-than'; readonly ms: number }

type ValueOf<D extends SettingDeclaration> = D extends { kind: 'choice'; of: readonly (infer O)[] }
  ? O
  : D extends { kind: 'text' | 'proxy' }
    ? string
    : D extends { kind: 'number' }
      ? number
      : D extends { kind: 'flag' }
        ? boolean
        : D extends { kind: 'urls' }
          ? readonly string[]
          : ResultRetention

/** All settings as code uses them. Durations in ms, sizes in bytes but where the name says otherwise. */
export type Settings = { readonly [N in SettingName]: ValueOf<(typeof settingDeclarations)[N]> }

/** Secrets may be used once, at the start, and are no part of what is shown or kept. */
export type SecretSettingName = {
  [N in SettingName]: (typeof settingDeclarations)[N] extends { secret: true } ? N : never
}[SettingName]

export function declarationOf(name: SettingName): SettingDeclaration {
  return settingDeclarations[name]
}

export function isSettingName(name: string): name is SettingName {
  return Object.hasOwn(settingDeclarations, name)
}
