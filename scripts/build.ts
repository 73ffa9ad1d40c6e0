// npm run build: the program as it is published (dist/) and the portal (web/dist/).
import { buildProgram } from './build-program.mjs'
import { buildPortal } from './build-web.mjs'

if (!buildProgram()) process.exit(1)
buildPortal()
