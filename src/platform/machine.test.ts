import { expect, test } from 'vitest'
import { localNames, machineFacts } from './machine.ts'

test('the machine is described by plain facts', () => {
  const { hostname, processors, memoryBytes, runtime } = machineFacts()
  expect([hostname !== '', processors >= 1, memoryBytes > 1e8, runtime]).toEqual([
    true,
    true,
    true,
    process.versions.node,
  ])
})

test('the names for a certificate hold this machine and no link-local address, even where nobody answers', async () => {
  const { names, addresses } = await localNames(AbortSignal.abort())
  expect(names).toContain('localhost')
  expect(addresses.slice(0, 2)).toEqual(['127.0.0.1', '::1'])
  expect(addresses.filter((address) => /^(fe80:|169\.254\.)/.test(address))).toEqual([])
})
