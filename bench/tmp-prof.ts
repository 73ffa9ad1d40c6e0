import { loads, withServer } from './load.ts'
import { profileProcess } from './profile.ts'
import { Watched } from './watch-load.ts'
import { writeFileSync } from 'node:fs'
const kind = process.argv[2] as 'tcp'
await withServer(async (port) => {
  await using w = await Watched.start()
  await w.carry(loads[kind], 5000, port)
  const main =
    w.processes().find((p) => /(cli|program)\/main\.[jt]s/.test(p.command) && !p.command.includes('bin/farwatch'))
      ?.pid ?? w.instance.pid
  console.log(w.processes().map((p) => p.pid + ' ' + p.command.slice(0, 120)))
  const mon = w.processes().find((p) => p.command.includes('monitoring-process'))!
  writeFileSync('/tmp/pf/mon.json', JSON.stringify(await profileProcess(mon.pid, 10000)))
  process.kill(mon.pid, 'SIGKILL')
  await new Promise((r) => setTimeout(r, 3000))
  writeFileSync('/tmp/pf/main.json', JSON.stringify(await profileProcess(main, 10000)))
})
