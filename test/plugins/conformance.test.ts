import { readdirSync } from 'node:fs'
import { expect, test } from 'vitest'
import { realContext } from '../../src/delivery/testing.ts'
import { plugins } from '../../src/plugins/index.ts'
import { brokenDeclaration, brokenHttpPromises } from '../../src/sdk/testing.ts'

/** Plugins that speak HTTP, with the settings that point them at a receiver. */
const overHttp: Readonly<Record<string, (url: string, timeout: string) => Readonly<Record<string, unknown>>>> = {
  webhook: (url, timeout) => ({ url, secret: 'key', timeout }),
  'prometheus-remote-write': (url, timeout) => ({ url, timeout }),
}
/** Plugins that speak something else and have tests of their own for it. */
const otherwise = ['email']

const files = readdirSync(new URL('../../src/plugins', import.meta.url))
  .filter((name) => name.endsWith('.ts') && name !== 'index.ts' && !name.endsWith('.test.ts'))
  .map((name) => name.slice(0, -3))
  .sort()

test('every plugin is in the list, declared as it must be, and held to what it speaks', () => {
  expect(plugins.map((plugin, i) => [plugin.id, ...brokenDeclaration(plugin, files[i] ?? '')])).toEqual(
    files.map((file) => [file]),
  )
  expect([...Object.keys(overHttp), ...otherwise].sort()).toEqual(files)
})

for (const [id, settings] of Object.entries(overHttp)) {
  test(`${id} means by every answer what every plugin means by it`, async () => {
    const plugin = plugins.find((one) => one.id === id)!
    expect(await brokenHttpPromises(plugin, settings, (idempotencyKey) => realContext({ idempotencyKey }))).toEqual([])
  })
}
