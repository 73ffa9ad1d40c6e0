import {
  authorizationOf,
  authorizationProblems,
  authorizationSettings,
  compileTemplate,
  definePlugin,
  outcomeOfHttp,
  outcomeOfNetworkFailure,
  templateProblems,
  type AlarmEvent,
  type Problem,
  type TemplateField,
} from '../sdk/index.ts'

const iso = (at: number) => new Date(at).toISOString()

/** What is sent unless a template says otherwise. Stable: scripts at the other end depend on it. */
export function webhookBody({ event, alarm, at }: AlarmEvent) {
  return {
    event,
    alarm: {
      id: alarm.id,
      severity: alarm.severity,
      state: alarm.state,
      group: alarm.group,
      system: alarm.system,
      connector: alarm.connector,
      task: alarm.task,
      monitor: alarm.monitor,
      item: alarm.item,
      metric: alarm.metric,
      value: alarm.value,
      message: alarm.message,
      raisedAt: iso(alarm.raisedAt),
      clearedAt: alarm.clearedAt === null ? null : iso(alarm.clearedAt),
    },
    at: iso(at),
  }
}

const templateFields: Readonly<Record<string, TemplateField>> = {
  event: { kind: 'text' },
  at: { kind: 'text' },
  key: { kind: 'text' },
  portal: { kind: 'text' },
  'alarm.id': { kind: 'text' },
  'alarm.severity': { kind: 'text' },
  'alarm.state': { kind: 'text' },
  'alarm.group': { kind: 'text' },
  'alarm.system': { kind: 'text' },
  'alarm.connector': { kind: 'text' },
  'alarm.task': { kind: 'text' },
  'alarm.monitor': { kind: 'text' },
  'alarm.rule': { kind: 'text' },
  'alarm.item': { kind: 'text' },
  'alarm.metric': { kind: 'text' },
  'alarm.value': { kind: 'number', nullable: true },
  'alarm.message': { kind: 'text' },
  'alarm.raisedAt': { kind: 'text' },
  'alarm.clearedAt': { kind: 'text', nullable: true },
  'alarm.acknowledgedBy': { kind: 'text', nullable: true },
  'alarm.assignedTo': { kind: 'text', nullable: true },
}

function templateValues(event: AlarmEvent, key: string, portal: string) {
  const { alarm } = event
  return {
    event: event.event,
    at: iso(event.at),
    key,
    portal,
    ...Object.fromEntries(
      Object.entries({ ...alarm, ...webhookBody(event).alarm }).map(([name, value]) => [`alarm.${name}`, value]),
    ),
  }
}

// Set by the plugin or by HTTP itself; a second one would be a quarrel about which counts.
const ownHeaders = new Set([
  'idempotency-key',
  'x-farwatch-signature',
  'x-farwatch-test',
  'content-length',
  'transfer-encoding',
  'connection',
  'host',
])

function headerProblems(headers: Readonly<Record<string, string>>): Problem[] {
  return Object.entries(headers).flatMap(([name, value]) => {
    const path = `headers[${JSON.stringify(name)}]`
    if (ownHeaders.has(name.toLowerCase())) return [{ path, message: 'is set by Farwatch itself' }]
    if (!/^[\x20-\x7e]*$/.test(value)) return [{ path, message: 'may only hold printable ASCII characters' }]
    return []
  })
}

/**
 * Sends each step of an alarm's life to a URL as JSON.
 *
 * `X-Farwatch-Signature: sha256=<hex>` is the HMAC-SHA256 of the body's bytes with the setting `secret`. A receiver computes it
 * over the body as it came and compares. Without a secret the key is empty: the header then shows damage, not forgery.
 * `Idempotency-Key` is the same on every repeat of one delivery. A test bears `X-Farwatch-Test: true`.
 */
export default definePlugin({
  id: 'webhook',
  title: 'Webhook',
  summary: 'Sends alarms as JSON to a URL, signed, with a template of your own if you want one.',
  honoursIdempotencyKey: true,
  settings: {
    url: {
      kind: 'url',
      label: 'URL',
      protocols: ['http', 'https'],
      example: 'https://hooks.example.com/farwatch',
      help: 'Must answer 2xx once it has taken the alarm. Redirects are not followed.',
    },
    method: { kind: 'choice', label: 'Method', of: ['POST', 'PUT', 'PATCH'], default: 'POST' },
    secret: {
      kind: 'secret',
      label: 'Signing secret',
      optional: true,
      help: 'X-Farwatch-Signature is sha256= and the HMAC-SHA256 of the body with this secret, so that the receiver can tell it is from here.',
    },
    template: {
      kind: 'text',
      label: 'Template',
      multiline: true,
      optional: true,
      maxLength: 16_000,
      example: '{ "text": "{{alarm.severity}}: {{alarm.message}}", "value": {{alarm.value}} }',
      help: 'A JSON document with {{fields}}. Within quotes a field is escaped; outside of quotes it is a JSON value of its own. Empty for the standard body.',
    },
    headers: {
      kind: 'map',
      label: 'More headers',
      default: {},
      keyPattern: "[A-Za-z0-9!#$%&'*+.^_`|~-]+",
      maxItems: 50,
      help: 'Shown to everybody who may see this plugin; put tokens and passwords into the fields for them.',
    },
    ...authorizationSettings,
    timeout: {
      kind: 'duration',
      label: 'Timeout',
      default: '10s',
      min: '100ms',
      max: '55s',
      help: 'Until the answer has come whole. Too short repeats deliveries that arrived; too long holds up later ones.',
    },
    verifyCertificate: {
      kind: 'flag',
      label: 'Verify the certificate',
      default: true,
      help: 'Off means that anybody between here and there can read and change what is sent.',
    },
  },
  check(settings) {
    return [
      ...(settings.template === undefined
        ? []
        : templateProblems(settings.template, 'json', templateFields, 'template')),
      ...headerProblems(settings.headers),
      ...authorizationProblems(settings),
    ]
  },
  async alarm(event, settings, context) {
    const body =
      settings.template === undefined
        ? JSON.stringify(webhookBody(event))
        : compileTemplate(settings.template, 'json').fill(
            templateValues(event, context.idempotencyKey, context.portalUrl),
          )
    try {
      return outcomeOfHttp(
        await context.http({
          url: settings.url,
          method: settings.method,
          headers: {
            'content-type': 'application/json',
            // Names of headers are the same in any case, so a lower-case key lets the user's own content type win.
            ...Object.fromEntries(Object.entries(settings.headers).map(([name, value]) => [name.toLowerCase(), value])),
            'idempotency-key': context.idempotencyKey,
            'x-farwatch-signature': `sha256=${context.hmacSha256(settings.secret ?? '', body)}`,
            ...(context.test ? { 'x-farwatch-test': 'true' } : {}),
          },
          body,
          ...authorizationOf(settings),
          verifyCertificate: settings.verifyCertificate,
          timeoutMs: settings.timeout,
        }),
      )
    } catch (thrown) {
      return outcomeOfNetworkFailure(thrown)
    }
  },
})
