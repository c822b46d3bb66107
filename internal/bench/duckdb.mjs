// DuckDB's side: reads the rows into memory once, in the order of the file and again by subject, then answers a line of JSON with a line of JSON.
import { createInterface } from 'node:readline';
import { DuckDBInstance } from '@duckdb/node-api';

const [file, threads] = process.argv.slice(2);
const say = (result) => process.stdout.write(JSON.stringify(result) + '\n');
const connection = await (await DuckDBInstance.create(':memory:')).connect();
await connection.run(`SET threads = ${Number(threads)}`);
// The narrowest types, which are DuckDB's fastest here.
await connection.run(`CREATE TABLE visits AS FROM read_csv('${file}', header = true, columns = {
  subject: 'INTEGER', district: 'TINYINT', department: 'TINYINT', region: 'TINYINT',
  visit_date: 'DATE', discount: 'TINYINT', quantity: 'TINYINT', cost: 'INTEGER'})`);
await connection.run('CREATE TABLE visits_by_subject AS FROM visits ORDER BY subject');
const version = (await connection.runAndReadAll('SELECT version()')).getRows()[0][0];
let current = Number(threads);
say({ note: `DuckDB ${version}` });

for await (const line of createInterface({ input: process.stdin })) {
  const task = JSON.parse(line);
  try {
    if (task.threads !== current) {
      await connection.run(`SET threads = ${task.threads}`);
      current = task.threads;
    }
    const used = process.cpuUsage();
    const began = process.hrtime.bigint();
    const rows = (await connection.runAndReadAll(task.how)).getRows();
    const wall = Number(process.hrtime.bigint() - began) / 1e9;
    const cpu = process.cpuUsage(used);
    const lines = rows.map((row) => row.map(String).join(',')).sort();
    say({ lines, wall, cpu: (cpu.user + cpu.system) / 1e6 });
  } catch (problem) {
    say({ problem: String(problem) });
  }
}
