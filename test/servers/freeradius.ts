import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { freePort, run, scratch, throwIfEnded } from './processes.ts'

export interface Freeradius {
  readonly port: number
  readonly sharedSecret: string
  stop(): Promise<void>
}

/** A real FreeRADIUS that knows this machine as a client, and `anna` with the password `geheim-anna`. It tells its state. */
export async function startFreeradius(): Promise<Freeradius> {
  const directory = await scratch('radius')
  const at = (name: string) => join(directory.path, name)
  const port = await freePort()
  const sharedSecret = 'geheim-shared'
  await writeFile(at('users'), 'anna Cleartext-Password := "geheim-anna"\n')
  await writeFile(
    at('radiusd.conf'),
    `
name = radiusd
prefix = /usr
logdir = ${directory.path}
run_dir = ${directory.path}
raddbdir = ${directory.path}
libdir = /usr/lib/freeradius
max_request_time = 5
log {
  destination = stdout
}
security {
  status_server = yes
  reject_delay = 0
}
client local {
  ipaddr = 127.0.0.1
  secret = ${sharedSecret}
}
thread pool {
  start_servers = 1
  max_servers = 2
  min_spare_servers = 1
  max_spare_servers = 1
}
modules {
  pap {
  }
  files {
    filename = ${at('users')}
  }
}
server default {
  listen {
    type = auth
    ipaddr = 127.0.0.1
    port = ${port}
  }
  authorize {
    files
    pap
  }
  authenticate {
    Auth-Type PAP {
      pap
    }
  }
}
`,
  )
  const server = run('freeradius', ['-f', '-l', 'stdout', '-d', directory.path, '-D', '/usr/share/freeradius'], {
    env: { ...process.env, PATH: `${process.env['PATH']}:/usr/sbin` },
  })
  const stop = async () => {
    await server.stop()
    await directory.remove()
  }
  try {
    await new Promise<void>((resolve) => {
      server.child.stdout?.on('data', () => {
        if (server.output().includes('Ready to process requests')) resolve()
      })
      for (const end of ['exit', 'error']) server.child.once(end, () => resolve())
    })
    throwIfEnded(server)
  } catch (error) {
    await stop()
    throw error
  }
  return { port, sharedSecret, stop }
}
