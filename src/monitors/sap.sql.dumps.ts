import { defineMonitor, sqlConnectors, type Item, type SqlRow } from '../sdk/index.ts'
import { measured } from './formats/measured.ts'
import { readSap, sapGrant, sapNeeds, sapSettings, sapTry } from './formats/sap-tables.ts'
import { numberIn, type SqlParts } from './formats/sql-parts.ts'

const hour = 3_600
const day = 86_400
/** So many kinds of dumps are remembered between runs. */
const mostKinds = 1_000

/** Programs that broke off with a runtime error (ST22), from the table SNAP. */
export default defineMonitor({
  id: 'sap.sql.dumps',
  title: 'ABAP short dumps (SQL)',
  summary: 'Short dumps within an hour and a day, by runtime error and program, and those of a kind not seen before.',
  connector: sqlConnectors,
  settings: sapSettings,
  metrics: {
    dumps_hour: { title: 'Short dumps within an hour', unit: '' },
    dumps_day: { title: 'Short dumps within a day', unit: '' },
    dumps: { title: 'Short dumps within an hour by kind', unit: '', items: ['error', 'program'] },
    new_kinds: { title: 'Kinds of short dumps within an hour that no run before has seen', unit: '' },
  },
  period: '5m',
  timeout: '1m',
  tested: 'schema only',
  rules: [
    { name: 'not measured', metric: 'failed', thresholds: { MAJOR: '> 0' } },
    { name: 'many dumps', metric: 'dumps_day', thresholds: { WARNING: '> 50', CRITICAL: '> 100' } },
    { name: 'new kind of dump', metric: 'new_kinds', thresholds: { WARNING: '> 0' } },
  ],
  needs: sapNeeds('SNAP'),
  grant: sapGrant('SNAP'),
  thresholdsFrom: 'check_sap_health',
  tryIt: `${sapTry('sap.sql.dumps')}; to see it raise, have a program divide by zero`,
  collect(settings, { client, signal, previous, remember }) {
    return readSap(settings, client, signal, async (sap) => {
      // A dump is several rows; the first of them bears the number 000 and begins with what broke off.
      const from = `FROM ${sap.table('SNAP')} WHERE SEQNO = '000'${sap.ofClient('MANDT')} AND `
      const count = async (part: string, seconds: number) =>
        onlyCount(sap.parts, part, `SELECT COUNT(*) AS amount ${from}${sap.within(seconds, 'DATUM', 'UZEIT')}`)
      const inHour = await count('dumps of an hour', hour)
      const inDay = await count('dumps of a day', day)
      const latest = await sap.parts.read(
        'kinds',
        `SELECT UNAME AS usrname, FLIST AS content ${from}${sap.within(hour, 'DATUM', 'UZEIT')} ORDER BY DATUM DESC, UZEIT DESC`,
      )
      const kinds = latest === undefined ? undefined : kindsOf(latest)
      const known = knownKinds(previous)
      const names = (kinds ?? []).map(({ labels }) => `${labels['error']} ${labels['program']}`)
      remember([...new Set([...names, ...(known ?? [])])].slice(0, mostKinds))
      const last = latest?.[0]
      return {
        metrics: measured({
          dumps_hour: inHour,
          dumps_day: inDay,
          dumps: kinds,
          // The first run knows nothing that could be new.
          new_kinds:
            kinds === undefined || known === undefined ? undefined : names.filter((name) => !known.has(name)).length,
        }),
        ...(last === undefined ? {} : { message: `the last: ${kindOf(last).error} in ${kindOf(last).program}` }),
      }
    })
  },
})

async function onlyCount(parts: SqlParts, part: string, sql: string): Promise<number | undefined> {
  return numberIn((await parts.read(part, sql, 1))?.[0], 'amount')
}

/**
 * The beginning of a dump is a list of fields: two letters, three digits for the length, the value. FC is the runtime error, AP the program.
 */
function kindOf(row: SqlRow): { readonly error: string; readonly program: string } {
  const content = row['content']
  const text = typeof content === 'string' ? content : ''
  const fields = new Map<string, string>()
  for (let at = 0; at + 5 <= text.length && fields.size < 20;) {
    const length = Number(text.slice(at + 2, at + 5))
    if (!Number.isInteger(length) || length < 0) break
    fields.set(text.slice(at, at + 2), text.slice(at + 5, at + 5 + length).trim())
    at += 5 + length
  }
  return {
    error: fields.get('FC')?.slice(0, 60) || 'unknown',
    program: fields.get('AP')?.slice(0, 60) || 'unknown',
  }
}

function kindsOf(rows: readonly SqlRow[]): Item[] {
  const counts = new Map<string, Item>()
  for (const row of rows) {
    const labels = kindOf(row)
    const key = JSON.stringify(labels)
    counts.set(key, { labels: { ...labels }, value: (counts.get(key)?.value ?? 0) + 1 })
  }
  return [...counts.values()]
}

/** What a former run handed over; undefined on the first one. */
function knownKinds(previous: unknown): ReadonlySet<string> | undefined {
  return Array.isArray(previous) ? new Set(previous.filter((one) => typeof one === 'string')) : undefined
}
