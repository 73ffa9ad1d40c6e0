import {
  TargetError,
  type Param,
  type Problem,
  type SqlClient,
  type SqlDialect,
  type SqlRow,
  type SqlSession,
} from '../../sdk/index.ts'
import { SqlParts, textIn } from './sql-parts.ts'

/** What the monitors that read an ABAP system's tables by SQL have in common. They write every alias in small letters, as all databases then give it. */

export const sapSettings = {
  schema: {
    kind: 'text',
    label: 'Schema of the ABAP tables',
    help: 'SAPABAP1 or SAPHANADB on HANA, SAPSR3 on Oracle, the system’s id in small letters on SQL Server.',
    maxLength: 128,
    pattern: '[A-Za-z_][A-Za-z0-9_$#]*',
    example: 'SAPABAP1',
  },
  client: {
    kind: 'text',
    label: 'Client',
    help: 'Only what belongs to this client of the ABAP system. Without one: all clients.',
    maxLength: 3,
    pattern: '[0-9]{3}',
    optional: true,
    example: '100',
  },
} as const satisfies Record<string, Param>

export const sapNeeds = (tables: string) =>
  `A user of the database who may read ${tables} of the ABAP schema, and nothing else. The database’s clock must show the ABAP system’s time.`

export const sapGrant = (...tables: readonly string[]) =>
  tables.map((table) => `GRANT SELECT ON SAPABAP1.${table} TO FARWATCH;`).join('\n')

export const sapTry = (monitor: string) =>
  `\`farwatch check ${monitor} --connector hana --set host=hana1.example --set instance=00 --set tenant=HDB --set schema=SAPABAP1 --set username=FARWATCH --set secret=…\``

/** One reading of tables: what a statement needs, and the time by which rows are judged. */
export interface SapReading {
  readonly parts: SqlParts
  /** `SAPABAP1.TBTCO` */
  table(name: string): string
  /** A condition that follows WHERE, for the client that was asked for in the column that holds it; empty for all. */
  ofClient(column: string): string
  /** The columns' moment lies within so many seconds before now. Fit for an index on the date. */
  within(seconds: number, date: string, time: string): string
  /** The columns' moment is known and lies more than so many seconds before now. */
  olderThan(seconds: number, date: string, time: string): string
  /** Now less so many seconds, as a column of 14 digits has it. */
  moment(secondsAgo: number): string
  /** Seconds from a moment of 14 digits until now; undefined where it is none. */
  age(row: SqlRow | undefined, column: string): number | undefined
}

/** Asks the database for its time and reads tables by it. Throws TargetError. */
export async function readSap<M, S extends { readonly schema: string; readonly client: string | undefined }>(
  { schema, client: mandt }: S,
  client: SqlClient,
  signal: AbortSignal,
  read: (sap: SapReading) => Promise<{ readonly metrics: M; readonly message?: string }>,
) {
  return client.session(signal, async (session) => {
    const parts = new SqlParts(session)
    const now = await clockOf(session, client)
    const condition = (is: '>' | '<', seconds: number, date: string, time: string) => {
      const at = momentOf(now - seconds)
      const [day, clock] = [at.slice(0, 8), at.slice(8)]
      return `${date} ${is}= '${day}' AND (${date} ${is} '${day}' OR ${time} ${is}= '${clock}')`
    }
    const { metrics, message } = await read({
      parts,
      table: (name) => `${schema}.${name}`,
      ofClient: (column) => (mandt === undefined ? '' : ` AND ${column} = '${mandt}'`),
      within: (seconds, date, time) => condition('>', seconds, date, time),
      olderThan: (seconds, date, time) => `${date} > '00000000' AND ${condition('<', seconds, date, time)}`,
      moment: (seconds) => momentOf(now - seconds),
      age: (row, column) => {
        const at = secondsOf(textIn(row, column))
        return at === undefined ? undefined : Math.max(0, now - at)
      },
    })
    return { metrics, ...parts.outcome(client, message) }
  })
}

const clocks: Readonly<Record<SqlDialect, string>> = {
  hana: `SELECT TO_VARCHAR(CURRENT_TIMESTAMP, 'YYYYMMDDHH24MISS') AS moment FROM DUMMY`,
  mssql: `SELECT FORMAT(SYSDATETIME(), 'yyyyMMddHHmmss') AS moment`,
  mysql: `SELECT DATE_FORMAT(NOW(), '%Y%m%d%H%i%s') AS moment`,
  oracle: `SELECT TO_CHAR(SYSDATE, 'YYYYMMDDHH24MISS') AS moment FROM DUAL`,
  postgresql: `SELECT TO_CHAR(LOCALTIMESTAMP, 'YYYYMMDDHH24MISS') AS moment`,
}

/** The database's own time in its own zone, as seconds of a calendar without zones. */
async function clockOf(session: SqlSession, client: SqlClient): Promise<number> {
  const [row] = await session.query(clocks[client.dialect], 1)
  const now = secondsOf(textIn(row, 'moment'))
  if (now === undefined) throw new TargetError('protocol', `${client.target} does not say what time it is`)
  return now
}

/** 14 digits as seconds of a calendar without zones; undefined for `00000000000000` and whatever else is no moment. */
export function secondsOf(moment: string): number | undefined {
  const found = /^(\d{4})(\d\d)(\d\d)(\d\d)(\d\d)(\d\d)/.exec(moment)
  if (found === null) return undefined
  const [year = 0, month = 0, day = 0, hour = 0, minute = 0, second = 0] = found.slice(1).map(Number)
  if (year < 1900 || month < 1 || month > 12 || day < 1 || day > 31 || hour > 24) return undefined
  return Date.UTC(year, month - 1, day, hour, minute, second) / 1_000
}

function momentOf(seconds: number): string {
  return new Date(seconds * 1_000).toISOString().replace(/[^\d]/g, '').slice(0, 14)
}

/** What is wrong with a condition that a user gives, as far as can be seen without a database. */
export function conditionProblems(condition: string | undefined, path: string): readonly Problem[] {
  return condition === undefined || !/;|--|\/\*/.test(condition)
    ? []
    : [{ path, message: 'holds ; or a comment', hint: "It is what follows WHERE, such as STATUS = 'A'." }]
}

/** A name as a statement has it: in quotes where it holds more than letters, digits and `_`, such as `/BIC/AZSALES00`. */
export function quotedName(name: string, dialect: SqlDialect): string {
  if (/^[A-Za-z_][A-Za-z0-9_]*$/.test(name)) return name
  return dialect === 'mysql' ? `\`${name}\`` : `"${name}"`
}
