import fc from 'fast-check'
import { expect, test } from 'vitest'
import { parseCpuTimes, parseLoadavg, parseMeminfo, parseMountinfo, parseNetDev } from './proc.ts'

test('an interface whose counters follow the colon at once is read', () => {
  expect(parseNetDev('  eth0:1000 2 3 4 0 0 0 0 2000 5 6 7 0 0 0 0\n')).toEqual([
    {
      name: 'eth0',
      receivedBytes: 1000,
      receivedErrors: 3,
      receivedDropped: 4,
      sentBytes: 2000,
      sentErrors: 6,
      sentDropped: 7,
    },
  ])
})

test('mount points with blanks are read, and the upper of two mounts is the one that is seen', () => {
  const text = '1 0 8:1 / /a\\040b rw - ext4 /dev/sda rw\n2 0 8:2 / /a\\040b rw shared:1 - xfs /dev/sdb ro\n'
  expect(parseMountinfo(text)).toEqual([
    { mount: '/a b', type: 'xfs', source: '/dev/sdb', device: '8:2', readOnly: true },
  ])
})

test('old kernels with fewer columns are read', () => {
  expect(parseCpuTimes('cpu 1 2 3 4\n')).toEqual({
    user: 1,
    nice: 2,
    system: 3,
    idle: 4,
    iowait: 0,
    interrupt: 0,
    steal: 0,
  })
})

test('whatever these files hold, nothing but numbers comes of it', () => {
  const text = fc.string({ unit: fc.constantFrom(...'cpu 0123456789:-\\/abkB\n\t.'.split('')), maxLength: 300 })
  fc.assert(
    fc.property(text, (content) => {
      const cpu = Object.values(parseCpuTimes(content) ?? {})
      const memory = [...parseMeminfo(content).values()]
      const network = parseNetDev(content).flatMap((one) => [one.receivedBytes, one.sentBytes])
      parseMountinfo(content)
      expect([...cpu, ...memory, ...network, ...(parseLoadavg(content) ?? [])].every(Number.isFinite)).toBe(true)
    }),
    { numRuns: 1_000 },
  )
})
