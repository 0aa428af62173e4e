import { makeDemoModel } from './makeDemoModel.ts'

/* Writes the demo model's files anew: node packages/trainer/dist/demo/main.js models/demo */
const [directory] = process.argv.slice(2)
if (directory === undefined) {
  process.stderr.write('Name the directory to write into, e.g. models/demo.\n')
  process.exitCode = 2
} else {
  await makeDemoModel(directory)
  process.stdout.write(`Wrote the demo model's files, all but the weights, into ${directory}.\n`)
}
