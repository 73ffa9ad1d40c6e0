import {
  compileTemplate,
  definePlugin,
  formatDuration,
  messageOf,
  templateProblems,
  type AlarmEvent,
  type DeliveryOutcome,
  type TemplateField,
} from '../sdk/index.ts'

const subjectFields: Readonly<Record<string, TemplateField>> = {
  status: { kind: 'text' },
  event: { kind: 'text' },
  'alarm.severity': { kind: 'text' },
  'alarm.state': { kind: 'text' },
  'alarm.group': { kind: 'text' },
  'alarm.system': { kind: 'text' },
  'alarm.connector': { kind: 'text' },
  'alarm.monitor': { kind: 'text' },
  'alarm.item': { kind: 'text' },
  'alarm.metric': { kind: 'text' },
  'alarm.value': { kind: 'number', nullable: true },
  'alarm.message': { kind: 'text' },
}

/** The word that decides whether somebody gets up: the severity while there is a problem, else what became of it. */
function statusOf({ event, alarm }: AlarmEvent): string {
  if (event === 'cleared') return 'CLEARED'
  return event === 'acknowledged' ? `${alarm.severity} ACKNOWLEDGED` : alarm.severity
}

const utc = (at: number) => `${new Date(at).toISOString().slice(0, 19).replace('T', ' ')} UTC`

const number = (value: number) =>
  Number.isInteger(value) || Math.abs(value) >= 1e6 ? String(value) : String(Number(value.toPrecision(6)))

/** The rows below the headline, the most useful first; empty ones are left out. */
function rowsOf(event: AlarmEvent): readonly (readonly [string, string])[] {
  const { alarm } = event
  const rows: readonly (readonly [string, string])[] = [
    ['System', [alarm.system, alarm.connector].filter((name) => name !== '').join(' / ')],
    ['Item', alarm.item],
    ['Value', alarm.value === null ? '' : `${alarm.metric} = ${number(alarm.value)}`],
    ['Since', utc(alarm.raisedAt)],
    [
      'Cleared',
      alarm.clearedAt === null
        ? ''
        : `${utc(alarm.clearedAt)}, after ${formatDuration(Math.round((alarm.clearedAt - alarm.raisedAt) / 1000) * 1000)}`,
    ],
    ['Taken by', alarm.acknowledgedBy ?? ''],
    ['Assigned', alarm.assignedTo ?? ''],
    ['Group', alarm.group],
    ['Monitor', [alarm.monitor, alarm.rule].filter((name) => name !== '').join(', rule ')],
  ]
  return rows.filter(([, value]) => value !== '')
}

const testNote = 'This is a test that somebody sent from Farwatch. Nothing is wrong.'

function textOf(event: AlarmEvent, context: { portalUrl: string; test: boolean }): string {
  return [
    ...(context.test ? [testNote, ''] : []),
    `${statusOf(event)}: ${event.alarm.message}`,
    '',
    ...rowsOf(event).map(([name, value]) => `${`${name}:`.padEnd(10)}${value}`),
    ...(context.portalUrl === '' ? [] : ['', context.portalUrl]),
    '',
  ].join('\n')
}

const escapes: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&#39;',
}
const html = (text: string) => text.replaceAll(/[&<>"']/g, (c) => escapes[c]!)

// Readable on white and on the black of a phone at night alike.
const colours: Readonly<Record<string, string>> = {
  INFO: '#2b6cb0',
  WARNING: '#b7791f',
  MINOR: '#c05621',
  MAJOR: '#c53030',
  CRITICAL: '#9b2c2c',
}

function htmlOf(event: AlarmEvent, context: { portalUrl: string; test: boolean }): string {
  const colour = event.event === 'cleared' ? '#2f855a' : (colours[event.alarm.severity] ?? '#4a5568')
  const rows = rowsOf(event)
    .map(
      ([name, value]) =>
        `<tr><td style="padding:2px 12px 2px 0;color:#718096;vertical-align:top">${html(name)}</td><td style="padding:2px 0">${html(value)}</td></tr>`,
    )
    .join('')
  return [
    '<!doctype html><html><head><meta charset="utf-8"><meta name="viewport" content="width=device-width">',
    '<meta name="color-scheme" content="light dark"></head>',
    '<body style="font:16px/1.4 -apple-system,Segoe UI,Roboto,sans-serif;margin:12px">',
    context.test ? `<p><b>${html(testNote)}</b></p>` : '',
    `<p style="margin:0 0 8px"><span style="background:${colour};color:#fff;padding:2px 8px;border-radius:4px;font-weight:bold">${html(statusOf(event))}</span></p>`,
    `<p style="margin:0 0 12px;font-size:18px">${html(event.alarm.message)}</p>`,
    `<table style="border-collapse:collapse;font-size:15px">${rows}</table>`,
    context.portalUrl === ''
      ? ''
      : `<p style="margin:16px 0 0"><a href="${html(context.portalUrl)}">Open Farwatch</a></p>`,
    '</body></html>',
  ].join('')
}

/**
 * The ids by which mail programs show one alarm as one conversation: `raised` opens it under an id derived from the alarm, and all
 * later mails refer to that one, whether or not it ever arrived. A repeat of one delivery bears the same id again.
 */
function threadOf(event: AlarmEvent, from: string, idempotencyKey: string) {
  const domain = /@([A-Za-z0-9.-]+)/.exec(from)?.[1] ?? 'farwatch.invalid'
  const safe = (text: string) => text.replaceAll(/[^A-Za-z0-9.-]/g, '-')
  const root = `<alarm-${safe(event.alarm.id)}@${domain}>`
  return event.event === 'raised'
    ? { messageId: root }
    : { messageId: `<${safe(idempotencyKey)}@${domain}>`, references: [root] }
}

/** SMTP's own word decides: 4xx is "not now" (greylisting, full queue), 5xx is "never"; without a word it was the network. */
function outcomeOfMailFailure(thrown: unknown): DeliveryOutcome {
  const code =
    thrown instanceof Error && 'responseCode' in thrown && typeof thrown.responseCode === 'number'
      ? thrown.responseCode
      : undefined
  return { delivered: false, retry: code === undefined || code < 500, message: messageOf(thrown) }
}

const address = '[^\\s<>@,;"]+@[^\\s<>@,;"]+'

/** Sends each step of an alarm's life as a mail; the mails of one alarm form one thread. */
export default definePlugin({
  id: 'email',
  title: 'E-mail',
  summary: 'Sends alarms by SMTP, one conversation for each alarm.',
  // The Message-ID is the same on a repeat. Many mail servers drop it then, but none promises to.
  honoursIdempotencyKey: false,
  settings: {
    host: { kind: 'text', label: 'Mail server', maxLength: 255, pattern: '[^\\s/@]+', example: 'smtp.example.com' },
    port: {
      kind: 'number',
      label: 'Port',
      default: 587,
      min: 1,
      max: 65_535,
      integer: true,
      help: '587 with STARTTLS, 465 with TLS, 25 between mail servers.',
    },
    security: {
      kind: 'choice',
      label: 'Security',
      of: ['none', 'starttls', 'tls'],
      default: 'starttls',
      help: 'starttls insists on encryption and sends nothing without it; none sends mails and passwords in the clear.',
    },
    verifyCertificate: {
      kind: 'flag',
      label: 'Verify the certificate',
      default: true,
      help: 'Off means that anybody between here and there can read and change what is sent.',
    },
    username: { kind: 'text', label: 'User name', optional: true },
    password: { kind: 'secret', label: 'Password', optional: true },
    from: {
      kind: 'text',
      label: 'From',
      maxLength: 320,
      pattern: `(?:[^<>@"]*<${address}>|${address})`,
      example: 'Farwatch <farwatch@example.com>',
    },
    to: {
      kind: 'list',
      label: 'To',
      of: { kind: 'text', label: 'Address', maxLength: 320, pattern: address, example: 'oncall@example.com' },
      maxItems: 100,
    },
    subject: {
      kind: 'text',
      label: 'Subject',
      default: '[{{status}}] {{alarm.system}}: {{alarm.message}}',
      maxLength: 500,
      help: 'Text with {{fields}}; {{status}} is the severity, or CLEARED.',
    },
    timeout: { kind: 'duration', label: 'Timeout', default: '30s', min: '100ms', max: '55s' },
  },
  check(settings) {
    return [
      ...(settings.to.length === 0 ? [{ path: 'to', message: 'needs at least one address' }] : []),
      ...((settings.username === undefined) === (settings.password === undefined)
        ? []
        : [{ path: 'username', message: 'and password stand together or not at all' }]),
      ...templateProblems(settings.subject, 'text', subjectFields, 'subject'),
    ]
  },
  async alarm(event, settings, context) {
    const subject = compileTemplate(settings.subject, 'text').fill({
      status: statusOf(event),
      event: event.event,
      ...Object.fromEntries(Object.entries(event.alarm).map(([name, value]) => [`alarm.${name}`, value])),
    })
    try {
      const { detail } = await context.mail(
        {
          host: settings.host,
          port: settings.port,
          security: settings.security,
          verifyCertificate: settings.verifyCertificate,
          ...(settings.username === undefined || settings.password === undefined
            ? {}
            : { username: settings.username, password: settings.password }),
        },
        {
          from: settings.from,
          to: settings.to,
          // Some servers refuse long header lines; the message stands whole in the body.
          subject: `${context.test ? '[TEST] ' : ''}${subject}`.slice(0, 300).toWellFormed(),
          text: textOf(event, context),
          html: htmlOf(event, context),
          ...threadOf(event, settings.from, context.idempotencyKey),
          headers: {
            'Auto-Submitted': 'auto-generated',
            'X-Farwatch-Alarm': event.alarm.id,
            'X-Farwatch-Severity': event.alarm.severity,
            'X-Farwatch-Event': event.event,
            'Idempotency-Key': context.idempotencyKey,
          },
        },
        { timeoutMs: settings.timeout },
      )
      return { delivered: true, detail }
    } catch (thrown) {
      return outcomeOfMailFailure(thrown)
    }
  },
})
