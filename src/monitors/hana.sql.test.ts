import { expect, test } from 'vitest'
import { collectOnce, expectSound, hanaDatabase, judgedBy, withstandsDamagedRows } from '../sdk/testing.ts'
import sql from './hana.sql.ts'

const at = (executions: number, duration: number, connections: number) => ({
  'AS LOCK_WAIT': [{ host: 'hana1', port: 30003, executions, duration, lock_wait: 5e6 }],
  'AS BEGINNING': [
    { hash: 'f00d', executions: 4, duration: 8e6, beginning: "SELECT *\n FROM T WHERE name = 'Smith' AND x = 'Jo" },
  ],
  M_EXPENSIVE_STATEMENTS: [{ amount: 2, longest: 3e6 }],
  M_CONNECTIONS: [{ type: 'Remote', status: 'IDLE', amount: connections }],
  M_INIFILE_CONTENTS: [{ allowed: '1000' }],
})
const previous = { '["hana1","30003"]': [100, 0] }

test('statements since the run before, those that took most, and connections are measured', async () => {
  const seen = await collectOnce(sql, {}, { client: hanaDatabase(at(300, 4e6, 50)), previous })
  expectSound(sql, seen)
  const service = { host: 'hana1', port: '30003' }
  expect([seen.metrics, seen.message, judgedBy(sql, seen)]).toEqual([
    {
      average: [{ labels: service, value: 20 }],
      executions: [{ labels: service, value: 300 }],
      lock_wait: [{ labels: service, value: 5 }],
      top_time: [{ labels: { hash: 'f00d' }, value: 8 }],
      top_average: [{ labels: { hash: 'f00d' }, value: 2_000 }],
      expensive: 2,
      expensive_longest: 3,
      connections: [{ labels: { type: 'Remote', status: 'IDLE' }, value: 50 }],
      connections_used: 5,
    },
    // What stands in quotes is somebody's data.
    "most time: f00d SELECT * FROM T WHERE name = '…' AND x = '…'",
    {},
  ])
})

test('slow statements and used up connections raise', async () => {
  const client = hanaDatabase(at(300, 400e6, 960))
  expect(judgedBy(sql, await collectOnce(sql, {}, { client, previous }))).toEqual({
    'statements slow': 'WARNING',
    'connections used up': 'CRITICAL',
  })
})

test('no texts of statements are read where none are wanted', async () => {
  const seen = await collectOnce(sql, { statements: 0 }, { client: hanaDatabase(at(1, 1, 1)) })
  expect([seen.metrics['top_time'], seen.message]).toEqual([[], undefined])
})

test('withstands whatever rows come', () => withstandsDamagedRows(sql, at(1, 1, 1), { previous }))
