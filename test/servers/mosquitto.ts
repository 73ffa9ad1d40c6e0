import { execFile } from 'node:child_process'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { certificateFor } from './certificate.ts'
import { freePort, run, scratch, serving } from './processes.ts'

const execute = promisify(execFile)

export interface Mosquitto {
  readonly port: number
  readonly tlsPort: number
  /** For `localhost`; PEM, to be trusted. */
  readonly certificate: string
  stop(): Promise<void>
}

/**
 * A real Mosquitto with the users `farwatch`, who may read everything and write below `plant/` and `farwatch/`, and `stranger`, who may
 * nothing; both with the password `geheim`.
 */
export async function startMosquitto(): Promise<Mosquitto> {
  const directory = await scratch('mosquitto')
  const at = (name: string) => join(directory.path, name)
  const [port, tlsPort] = [await freePort(), await freePort()]
  try {
    const { key, cert } = await certificateFor('localhost')
    await writeFile(at('passwords'), '')
    for (const user of ['farwatch', 'stranger'])
      await execute('mosquitto_passwd', ['-b', at('passwords'), user, 'geheim'])
    await writeFile(at('key.pem'), key, { mode: 0o600 })
    await writeFile(at('cert.pem'), cert)
    await writeFile(
      at('acl'),
      'user farwatch\ntopic read #\ntopic read $SYS/#\ntopic readwrite plant/#\ntopic readwrite farwatch/#\n',
    )
    await writeFile(
      at('mosquitto.conf'),
      [
        // Otherwise root becomes somebody who may not read these files.
        ...(process.getuid?.() === 0 ? ['user root'] : []),
        'persistence false',
        'sys_interval 1',
        'allow_anonymous false',
        `password_file ${at('passwords')}`,
        `acl_file ${at('acl')}`,
        `listener ${port} 127.0.0.1`,
        `listener ${tlsPort} 127.0.0.1`,
        `certfile ${at('cert.pem')}`,
        `keyfile ${at('key.pem')}`,
        '',
      ].join('\n'),
    )
    const server = run('mosquitto', ['-c', at('mosquitto.conf')], {
      env: { ...process.env, PATH: `${process.env['PATH']}:/usr/sbin` },
    })
    return { port, tlsPort, certificate: cert, stop: await serving(server, tlsPort, directory) }
  } catch (error) {
    await directory.remove()
    throw error
  }
}
