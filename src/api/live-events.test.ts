import { once } from 'node:events'
import type { IncomingMessage } from 'node:http'
import { request } from 'node:https'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { adminToken, startTestApi, type TestApi } from './testing.ts'

let api: TestApi

beforeEach(async () => {
  api = await startTestApi()
})
afterEach(() => api.stop())

test('a fleet that changes all the time is announced at once, and then once for all that came meanwhile', async () => {
  const asked = request(`${api.url}/api/v1/events`, {
    rejectUnauthorized: false,
    headers: { authorization: `Bearer ${adminToken}` },
  }).end()
  const [stream] = (await once(asked, 'response')) as [IncomingMessage]
  const seen: string[] = []
  let text = ''
  for await (const chunk of stream) {
    text += String(chunk)
    const whole = text.split('\n\n')
    text = whole.pop()!
    for (const part of whole) {
      seen.push(part)
      if (part === ': live') for (let i = 0; i < 5; i++) api.live.agents()
    }
    if (seen.length === 3) api.live.configuration(7)
    if (seen.length >= 4) break
  }
  expect(seen).toEqual([
    ': live',
    'data: {"is":"agents"}',
    'data: {"is":"agents"}',
    'data: {"is":"configuration","revision":7}',
  ])
})
