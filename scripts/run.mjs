// Runs one of the scripts written in TypeScript under a Node that can: node scripts/run.mjs scripts/check.ts [arguments]
import { resolve } from 'node:path'
import launcher from '../bin/launcher.js'
import { installPackages } from './install.mjs'

installPackages()
const [script, ...args] = process.argv.slice(2)
launcher.run(resolve(script), args)
