import { accountCommands, accounts } from './accounts/plugin';
import { catalog } from './catalog/plugin';
import { server } from './client/plugin';
import { demo } from './demo/plugin';
import { files } from './files/plugin';
import { jobList, jobs, jobStatus, notifications } from './jobs/plugin';
import { notebook } from './notebook/plugin';
import { panel } from './panel/plugin';

export * from './tokens';

export default [
  server,
  accounts,
  jobs,
  panel,
  accountCommands,
  demo,
  catalog,
  jobList,
  jobStatus,
  notifications,
  notebook,
  files
];
