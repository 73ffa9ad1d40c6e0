import fc from 'fast-check'
import { expect, test } from 'vitest'
import { parseDf } from './df.ts'

const output = `Filesystem                        1024-blocks     Used Available Capacity Mounted on
/dev/mapper/vg root                  20466256 15278004   4123304      79% /
tmpfs                                  814892     1108    813784       1% /run
/dev/sdb1                           103081248 97837232         0     100% /my disk
//server/share name                         -        -         -       -  /mnt/share
`

test('reads sizes, also of what has blanks in its name and of what has no size', () => {
  expect(parseDf(output)).toEqual([
    { source: '/dev/mapper/vg root', mount: '/', size: 20466256, used: 15278004, available: 4123304 },
    { source: 'tmpfs', mount: '/run', size: 814892, used: 1108, available: 813784 },
    { source: '/dev/sdb1', mount: '/my disk', size: 103081248, used: 97837232, available: 0 },
    { source: '//server/share name', mount: '/mnt/share', size: undefined, used: undefined, available: undefined },
  ])
})

test('whatever comes, sizes are numbers', () => {
  const mutated = fc
    .tuple(fc.nat(output.length), fc.nat(30), fc.string({ maxLength: 20 }))
    .map(([at, length, other]) => output.slice(0, at) + other + output.slice(at + length))
  fc.assert(
    fc.property(fc.oneof(mutated, fc.string()), (text) => {
      for (const { size, used, available, mount } of parseDf(text))
        expect([
          mount.startsWith('/'),
          [size, used, available].every((one) => one === undefined || Number.isFinite(one)),
        ]).toEqual([true, true])
    }),
  )
})

test('a megabyte of blanks and digits takes no longer than a megabyte', () => {
  const began = process.cpuUsage()
  parseDf(`${' 1'.repeat(500_000)}\n${'1 '.repeat(4_000)}`)
  // Of the processor's time: that of the clock says on a busy machine what others did.
  expect(process.cpuUsage(began).user / 1_000 < 2_000).toBe(true)
})
