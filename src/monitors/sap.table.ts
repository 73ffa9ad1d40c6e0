import { at, defineMonitor, StatementRefused, type Problem } from '../sdk/index.ts'
import { measured } from './formats/measured.ts'
import { added, itemsByKey } from './formats/sap.ts'

const name = '[A-Z0-9_/]{1,30}'
const aggregates = ['max', 'min', 'sum', 'average'] as const

/** Rows of a table of one's choice, counted and reckoned. */
export default defineMonitor({
  id: 'sap.table',
  title: 'SAP table',
  summary: 'Counts rows of a table or view of an ABAP system by SOAP-RFC, in groups, and takes numbers out of them.',
  connector: 'sap-http',
  settings: {
    table: { kind: 'text', label: 'Table or view', pattern: name, maxLength: 30, example: 'TBTCO' },
    field: {
      kind: 'text',
      label: 'A field of it',
      help: 'Any short one: a row that is counted is fetched with this field alone.',
      pattern: name,
      maxLength: 30,
      example: 'STATUS',
    },
    where: {
      kind: 'text',
      label: 'Condition',
      help: 'As in an ABAP WHERE clause, by fields of an index: every run reads what it takes. Empty: all rows.',
      maxLength: 2_000,
      default: '',
      example: "STATUS = 'A' AND ENDDATE GE '20260101'",
    },
    groupBy: {
      kind: 'list',
      label: 'Groups',
      help: 'Fields whose values tell the groups apart.',
      of: { kind: 'text', label: 'Field', pattern: name, maxLength: 30 },
      maxItems: 5,
      default: [],
    },
    value: {
      kind: 'text',
      label: 'Number',
      help: 'A field with a number, of which each group shows one.',
      pattern: name,
      maxLength: 30,
      optional: true,
      example: 'PRIOS',
    },
    aggregate: { kind: 'choice', label: 'Which one', of: aggregates, default: 'max' },
    maxRows: {
      kind: 'number',
      label: 'At most so many rows',
      help: 'All of them cross the network. More are not counted, and the result says so.',
      min: 1,
      max: 10_000,
      integer: true,
      default: 1_000,
    },
  },
  metrics: {
    rows: { title: 'Rows', unit: '' },
    rows_by_group: { title: 'Rows of the groups that have the most', unit: '', items: ['group'] },
    value: { title: 'The number of each group', unit: '', items: ['group'] },
    truncated: { title: 'There are more rows than were counted (1) or not (0)', unit: '' },
  },
  period: '5m',
  timeout: '30s',
  tested: 'schema only',
  optIn: 'It needs SOAP-RFC, which most systems keep switched off, a user who may read the table, and the name of one.',
  rules: [
    { name: 'no answer', metric: 'failed', thresholds: { CRITICAL: '> 0' } },
    { name: 'more rows than counted', metric: 'truncated', thresholds: { INFO: '> 0' } },
  ],
  needs:
    'SOAP-RFC switched on in the connector and the service /sap/bc/soap/rfc active in SICF; a user of type System with S_RFC for RFC_READ_TABLE (function group SDTX) and S_TABU_NAM, display, for this one table.',
  grant: `# SICF: activate /sap/bc/soap/rfc
# PFCG: a role for the user FARWATCH, with nothing but
#   S_RFC       RFC_TYPE=FUNC  RFC_NAME=RFC_READ_TABLE  ACTVT=16
#   S_TABU_NAM  TABLE=<the table>  ACTVT=03`,
  thresholdsFrom: 'Yours: what is many rows depends on the table.',
  tryIt:
    '`farwatch check sap.table --set host=… --set soapRfc=true --set client=100 --set username=… --set secret=… --set table=T000 --set field=MANDT`',
  check({ where }, path): readonly Problem[] {
    return where.split("'").length % 2 === 1
      ? []
      : [
          {
            path: at(path, 'where'),
            message: 'has an odd number of quotes',
            hint: "Literals stand in quotes: STATUS = 'A'.",
          },
        ]
  },
  async collect({ table, field, where, groupBy, value, aggregate, maxRows }, { client, signal }) {
    // A row has no more than 512 characters here, so that only what is needed is asked for.
    const named = [...groupBy, ...(value === undefined ? [] : [value])]
    const asked = named.length === 0 ? [field] : [...new Set(named)]
    let rows: readonly Readonly<Record<string, string>>[]
    try {
      rows = await client.readTable({ table, fields: asked, where, maxRows: maxRows + 1 }, signal)
    } catch (thrown) {
      if (!(thrown instanceof StatementRefused)) throw thrown
      return {
        metrics: {},
        failure: {
          reason: 'assertion' as const,
          message: `${client.target} refused to read ${table}: ${thrown.message}`,
        },
      }
    }
    const counted = rows.slice(0, maxRows)
    const counts = new Map<string, number>()
    const numbers = new Map<string, number[]>()
    for (const row of counted) {
      const group =
        groupBy
          .map((one) => row[one] ?? '')
          .join(' / ')
          .slice(0, 300) || 'all'
      added(counts, group, 1)
      const number = value === undefined ? undefined : abapNumber(row[value])
      if (number === undefined) continue
      const known = numbers.get(group)
      if (known === undefined) numbers.set(group, [number])
      else known.push(number)
    }
    return {
      metrics: measured({
        rows: counted.length,
        rows_by_group: groupBy.length === 0 ? undefined : itemsByKey(counts, 'group', 200),
        value:
          value === undefined
            ? undefined
            : itemsByKey(new Map([...numbers].map(([group, all]) => [group, reckon(all, aggregate)])), 'group', 200),
        truncated: rows.length > maxRows ? 1 : 0,
      }),
      message: rows.length > maxRows ? `more than ${maxRows} rows` : `${counted.length} rows`,
    }
  },
})

/** `12`, `12.50`, and `12-` for a negative one. */
function abapNumber(text: string | undefined): number | undefined {
  const found = /^(-?)(\d{1,15}(?:\.\d{1,10})?)(-?)$/.exec(text?.trim() ?? '')
  if (found === null || (found[1] !== '' && found[3] !== '')) return undefined
  return found[1] === '' && found[3] === '' ? Number(found[2]) : -Number(found[2])
}

function reckon(numbers: readonly number[], how: (typeof aggregates)[number]): number {
  const sum = numbers.reduce((total, one) => total + one, 0)
  switch (how) {
    case 'max':
      return numbers.reduce((most, one) => Math.max(most, one), -Infinity)
    case 'min':
      return numbers.reduce((least, one) => Math.min(least, one), Infinity)
    case 'sum':
      return sum
    case 'average':
      return sum / numbers.length
  }
}
