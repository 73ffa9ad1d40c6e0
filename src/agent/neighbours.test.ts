import fc from 'fast-check'
import { expect, test } from 'vitest'
import { neighbourFacts, neighboursIn } from './neighbours.ts'

const tenant = {
  name: 'hana-HDB',
  title: 'The tenant HDB',
  settings: { host: 'hana1', port: 30_041 },
  seen: 'named by the SYSTEMDB',
  certainty: 'identified',
  credential: 'basic',
} as const

test('what a target knows of beside itself travels as facts, without a secret', () => {
  const found = [tenant, { ...tenant, name: 'hana-QAS', title: 'hunter2' }]
  const facts = neighbourFacts(found, (text) => text.replaceAll('hunter2', '***'))
  expect(neighboursIn('hana', facts)).toEqual([
    { type: 'hana', ...tenant },
    { type: 'hana', ...tenant, name: 'hana-QAS', title: '***' },
  ])
})

test('no more travels than can be looked through', () => {
  const large = { ...tenant, settings: { trustedCertificates: 'x'.repeat(100_000) } }
  const facts = neighbourFacts([large, ...Array.from({ length: 200 }, () => tenant)], (text) => text)
  expect(Object.keys(facts).length).toBe(99)
})

test('whatever comes as facts, there are connectors or nothing', () => {
  const fact = fc.oneof(fc.string(), fc.json(), fc.boolean(), fc.double(), fc.constant(JSON.stringify(tenant)))
  fc.assert(
    fc.property(fc.dictionary(fc.string(), fact), (facts) => {
      const found = neighboursIn('hana', facts)
      expect(found.every(({ name, settings }) => typeof name === 'string' && typeof settings === 'object')).toBe(true)
    }),
  )
})
