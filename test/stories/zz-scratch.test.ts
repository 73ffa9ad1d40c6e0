import { expect, test } from 'vitest'
import { writeFileSync } from 'node:fs'
import { account, rowsOf, servedNow } from '../support/account.ts'
import { CountingTarget, countingDocument } from '../support/counting-target.ts'
import { startPair } from '../support/pair.ts'

test('x', async () => {
  await using target = await CountingTarget.start()
  await using pair = await startPair({
    agents: ['north-1', 'north-2'],
    before: async (server) => {
      const acme = countingDocument(target.url, 6)
      await server.call('applyConfiguration', { query: {}, body: { ...acme, associations: [{ group: 'acme', agents: ['north-1', 'north-2'] }] } })
    },
  })
  const served = servedNow(target, (await rowsOf(pair.primary)).keys())
  await new Promise((r) => setTimeout(r, 6000))
  const rows = await rowsOf(pair.primary)
  console.log(JSON.stringify(account(rows, served)))
  console.log(JSON.stringify(account(await rowsOf(pair.secondary), served)))
  writeFileSync('/tmp/scratch/rows.json', JSON.stringify([...rows].map(([c, all]) => [c, all.slice(0, 12).map((r) => [new Date(r.slot).toISOString().slice(14), r.outcome, r.reason, r.agent, r.slots, r.metrics?.find((m) => m.name === 'hits')?.value])]), null, 1))
  writeFileSync('/tmp/scratch/req.json', target.requests.slice(0, 60).map((r) => r.path + ' ' + new Date(r.at).toISOString().slice(14)).join('\n'))
  writeFileSync('/tmp/scratch/primary.log', pair.primary.log)
  pair.agents.forEach((a, i) => writeFileSync(`/tmp/scratch/agent${i}.log`, a.log))
  const l = await pair.secondary.send('GET', '/api/v1/agents')
  console.log(l.status, l.body.slice(0, 300))
})
