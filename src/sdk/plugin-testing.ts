import { createServer, type IncomingMessage } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { AlarmEvent, AlarmEventKind } from '../model/index.ts'
import { settingsSchema } from './params.ts'
import { checkPluginSettings, feedsOf, type AnyPlugin, type DeliveryOutcome, type PluginContext } from './plugin.ts'

// What every plugin promises, as checks that any plugin can be held to. Each answers with the promises that were broken, in words;
// a test expects none.

/** One step of an alarm's life, told in a few words: `alarmStep('disk', 'raised')`. */
export function alarmStep(alarm: string, event: AlarmEventKind, at = Date.UTC(2026, 0, 1)): AlarmEvent {
  return {
    key: `${alarm}/${event}/${at}`,
    event,
    at,
    alarm: {
      id: alarm,
      severity: 'CRITICAL',
      state: event === 'cleared' ? 'cleared' : event === 'acknowledged' ? 'acknowledged' : 'raised',
      group: 'acme',
      system: 'shop',
      connector: 'front',
      task: 'task-1',
      monitor: 'http.response',
      rule: 'duration',
      item: '',
      metric: 'duration',
      value: 5.25,
      message: 'shop answers in 5.25 s, more than 5 s',
      raisedAt: Date.UTC(2026, 0, 1),
      updatedAt: at,
      clearedAt: event === 'cleared' ? at : null,
      acknowledgedBy: event === 'acknowledged' ? 'ada' : null,
      assignedTo: null,
    },
  }
}

/** What is wrong with a plugin's declaration, whatever it speaks. `file`: the name of its file, without `.ts`. */
export function brokenDeclaration(plugin: AnyPlugin, file: string): readonly string[] {
  const broken: string[] = []
  if (plugin.id !== file) broken.push(`its id is ${plugin.id}, its file is called ${file}`)
  if (!/^[a-z][a-z0-9]*(-[a-z0-9]+)*$/.test(plugin.id)) broken.push(`its id ${plugin.id} is not kebab-case`)
  if (plugin.title === '' || !plugin.summary.endsWith('.'))
    broken.push('it needs a title, and a sentence as its summary')
  if (feedsOf(plugin).length === 0) broken.push('it can send nothing')
  for (const [name, param] of Object.entries(plugin.settings)) {
    if (param.label === '') broken.push(`its setting ${name} has no label`)
    if (/password|secret|token/i.test(name) && param.kind !== 'secret') broken.push(`its setting ${name} is no secret`)
  }
  if (JSON.stringify(settingsSchema(plugin.settings)).length > 20_000) broken.push('its settings are no form any more')
  return broken
}

/** What each HTTP status has to mean for a delivery. */
export const httpStatuses: Readonly<Record<'delivered' | 'retry' | 'never', readonly number[]>> = {
  delivered: [200, 201, 202, 204, 299],
  retry: [408, 425, 429, 500, 501, 502, 503, 504, 507, 599],
  never: [300, 301, 302, 303, 307, 308, 400, 401, 403, 404, 405, 409, 410, 413, 415, 422, 451],
}

function meaningOf(outcome: DeliveryOutcome): keyof typeof httpStatuses {
  if (outcome.delivered) return 'delivered'
  return outcome.retry ? 'retry' : 'never'
}

/**
 * Holds a plugin that speaks HTTP to a real server's answers: every status, `Retry-After`, redirects that must not be followed, a
 * refused connection, a server that never answers, and repeats that must be the same.
 * @param settings gives what a user would write, for a receiver at `url` and such a timeout
 * @param context makes the real context of one attempt
 */
export async function brokenHttpPromises(
  plugin: AnyPlugin,
  settings: (url: string, timeout: string) => Readonly<Record<string, unknown>>,
  context: (idempotencyKey: string) => PluginContext,
): Promise<readonly string[]> {
  const broken: string[] = []
  const seen: { path: string; key: string | undefined; body: string }[] = []
  const server = createServer((request, response) => {
    void bodyOf(request).then((body) => {
      const path = request.url ?? ''
      seen.push({ path, key: request.headers['idempotency-key']?.toString(), body })
      const status = Number(/^\/status\/(\d+)/.exec(path)?.[1] ?? 0)
      // Everything else is left without an answer.
      if (status === 0) return
      response.writeHead(status, {
        ...(status < 400 && status >= 300 ? { location: '/status/200?followed' } : {}),
        ...(path.endsWith('?after') ? { 'retry-after': '7' } : {}),
      })
      response.end(status === 204 ? undefined : 'the receiver says so')
    })
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const base = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  const deliver = async (path: string, timeout = '20s'): Promise<DeliveryOutcome> => {
    const checked = checkPluginSettings(plugin, settings(`${base}${path}`, timeout), '')
    if (!checked.ok) throw new Error(checked.problems.map((problem) => `${problem.path} ${problem.message}`).join('; '))
    if (plugin.alarm !== undefined) return plugin.alarm(alarmStep('disk', 'raised'), checked.value, context('key-1'))
    return plugin.metrics!(
      [{ name: 'farwatch_x', labels: { a: 'b' }, at: 1, value: 2 }],
      checked.value,
      context('key-1'),
    )
  }
  try {
    for (const [meaning, statuses] of Object.entries(httpStatuses)) {
      for (const status of statuses) {
        const outcome = await deliver(`/status/${status}`)
        if (meaningOf(outcome) !== meaning) broken.push(`HTTP ${status} is ${meaningOf(outcome)}, not ${meaning}`)
        if (!outcome.delivered && !outcome.message.includes(String(status)))
          broken.push(`the message for HTTP ${status} does not name it: ${outcome.message}`)
      }
    }
    if (seen.some(({ path }) => path.endsWith('followed'))) broken.push('it follows redirects')
    const busy = await deliver('/status/503?after')
    if (busy.delivered || busy.afterMs !== 7_000) broken.push('it does not hear Retry-After')
    const silent = await deliver('/silent', '300ms')
    if (meaningOf(silent) !== 'retry') broken.push('a receiver that never answers is not tried again')
    const [first, second] = [seen[0]!, seen[1]!]
    if (first.body !== second.body || first.key !== second.key) broken.push('a repeat differs from the first attempt')
  } finally {
    server.closeAllConnections()
    await new Promise((resolve) => server.close(resolve))
  }
  const refused = await deliver('/status/200')
  if (meaningOf(refused) !== 'retry') broken.push('a refused connection is not tried again')
  return broken
}

async function bodyOf(request: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = []
  for await (const chunk of request) chunks.push(chunk as Buffer)
  return Buffer.concat(chunks).toString('latin1')
}
