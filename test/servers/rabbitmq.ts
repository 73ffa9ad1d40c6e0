import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { freePort, listening, run, scratch } from './processes.ts'

export interface Rabbitmq {
  /** Of the management interface. */
  readonly url: string
  readonly amqpPort: number
  /** Asks the management interface as an administrator. */
  manage(method: string, path: string, body?: unknown): Promise<unknown>
  stop(): Promise<void>
}

/** A real RabbitMQ with its management plugin, in a directory and under an Erlang name server of its own. */
export async function startRabbitmq(): Promise<Rabbitmq> {
  const directory = await scratch('rabbitmq')
  const [amqp, management, distribution, names] = [
    await freePort(),
    await freePort(),
    await freePort(),
    await freePort(),
  ]
  const at = (name: string) => join(directory.path, name)
  await writeFile(
    at('rabbitmq.conf'),
    [
      `listeners.tcp.1 = 127.0.0.1:${amqp}`,
      'management.tcp.ip = 127.0.0.1',
      `management.tcp.port = ${management}`,
      'default_user = admin',
      'default_pass = geheim',
      'collect_statistics_interval = 200',
      'disk_free_limit.absolute = 1MB',
      'log.console = true',
      'log.console.level = error',
      'log.file = false',
      '',
    ].join('\n'),
  )
  await writeFile(at('enabled_plugins'), '[rabbitmq_management].\n')
  const env = {
    PATH: process.env['PATH'],
    HOME: directory.path,
    // The script stays out of the way of signals, and the broker is a direct child that can be ended by its id.
    RABBITMQ_ALLOW_INPUT: '1',
    RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS: '-noinput +S 1:1 +sbwt none +sbwtdcpu none +sbwtdio none',
    ERL_EPMD_PORT: String(names),
    RABBITMQ_NODENAME: 'farwatch@localhost',
    RABBITMQ_DIST_PORT: String(distribution),
    RABBITMQ_MNESIA_BASE: at('mnesia'),
    RABBITMQ_LOG_BASE: at('log'),
    RABBITMQ_ENABLED_PLUGINS_FILE: at('enabled_plugins'),
    RABBITMQ_CONFIG_FILE: at('rabbitmq.conf'),
    RABBITMQ_CONF_ENV_FILE: '/dev/null',
  }
  const nameServer = run('epmd', ['-port', String(names), '-address', '127.0.0.1'])
  await listening(names, nameServer)
  const broker = run('/usr/lib/rabbitmq/bin/rabbitmq-server', [], { env })
  const stop = async () => {
    // Nothing is worth being put away in order.
    await broker.stop('SIGKILL')
    await nameServer.stop()
    await directory.remove()
  }
  const url = `http://127.0.0.1:${management}`
  const manage: Rabbitmq['manage'] = async (method, path, body) => {
    const answer = await fetch(`${url}${path}`, {
      method,
      headers: {
        authorization: `Basic ${Buffer.from('admin:geheim').toString('base64')}`,
        'content-type': 'application/json',
      },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    })
    const text = await answer.text()
    if (!answer.ok) throw new Error(`${method} ${path}: ${answer.status} ${text}`)
    return text === '' ? undefined : JSON.parse(text)
  }
  const patienceMs = 100_000
  const until = Date.now() + patienceMs
  // It listens a moment before it answers: who asks in between has the connection closed.
  const answering = async (): Promise<unknown> =>
    manage('GET', '/api/overview').catch(async (thrown: unknown) => {
      if (Date.now() > until) throw thrown
      await new Promise((resolve) => setTimeout(resolve, 100))
      return answering()
    })
  try {
    await listening(management, broker, '127.0.0.1', patienceMs)
    await answering()
  } catch (thrown) {
    await stop()
    throw thrown
  }
  return { url, amqpPort: amqp, manage, stop }
}
