import { defineMonitor, sqlConnectors } from '../sdk/index.ts'
import { measured } from './formats/measured.ts'
import { conditionProblems, quotedName, sapSettings } from './formats/sap-tables.ts'
import { numberIn, SqlParts } from './formats/sql-parts.ts'

/** Any table of an ABAP system: how many rows, and one value of them. */
export default defineMonitor({
  id: 'sap.sql.table',
  title: 'Table of an ABAP system (SQL)',
  summary: 'Rows of a table that meet a condition, and the sum, average, least or largest value of a column.',
  connector: sqlConnectors,
  settings: {
    schema: sapSettings.schema,
    table: {
      kind: 'text',
      label: 'Table',
      maxLength: 128,
      pattern: '[A-Za-z0-9_/]+',
      example: 'BALHDR',
    },
    condition: {
      kind: 'text',
      label: 'Condition',
      help: 'What follows WHERE. Without one all rows count, which makes the database read the whole table.',
      multiline: true,
      maxLength: 4_000,
      optional: true,
      example: "MANDT = '100' AND MSG_CNT_E > 0",
    },
    column: {
      kind: 'text',
      label: 'Column',
      help: 'A numeric column; its value is measured besides the number of rows.',
      maxLength: 128,
      pattern: '[A-Za-z0-9_/]+',
      optional: true,
    },
    of: { kind: 'choice', label: 'Of the column', of: ['sum', 'avg', 'min', 'max'], default: 'sum' },
  },
  metrics: {
    rows: { title: 'Rows that meet the condition', unit: '' },
    value: { title: 'What was asked of the column', unit: '' },
  },
  period: '5m',
  timeout: '1m',
  tested: 'real server',
  rules: [{ name: 'not measured', metric: 'failed', thresholds: { MAJOR: '> 0' } }],
  needs: 'A user of the database who may read the table, and nothing else.',
  grant: 'GRANT SELECT ON SAPABAP1.BALHDR TO FARWATCH;',
  thresholdsFrom: 'None: rules of one’s own say how many rows are too many.',
  tryIt:
    '`farwatch check sap.sql.table --connector hana --set host=hana1.example --set schema=SAPABAP1 --set table=BALHDR --set condition="MSG_CNT_E > 0" --set username=FARWATCH --set secret=…`',
  check: ({ condition }, path) => conditionProblems(condition, `${path}.condition`),
  collect({ schema, table, condition, column, of }, { client, signal }) {
    return client.session(signal, async (session) => {
      const parts = new SqlParts(session)
      const value = column === undefined ? '' : `, ${of}(${quotedName(column, client.dialect)}) AS amount`
      const where = condition === undefined ? '' : ` WHERE ${condition}`
      const from = `FROM ${schema}.${quotedName(table, client.dialect)}`
      const [row] = (await parts.read('table', `SELECT COUNT(*) AS n${value} ${from}${where}`, 1)) ?? []
      return {
        metrics: measured({ rows: numberIn(row, 'n'), value: numberIn(row, 'amount') }),
        ...parts.outcome(client),
      }
    })
  },
})
