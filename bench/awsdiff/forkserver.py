# Runs aws many times in forked children of one process that has imported it:
# starting Python and reading the descriptions of the services is most of a short
# command's work. Each line of stdin is a run in JSON, each line of stdout its
# exit code.
import json
import mimetypes
import os
import signal
import sys
import time
import traceback

import awscli.clidriver
import awscli.customizations.s3.s3
import awscli.customizations.s3.subcommands
import awscli.botocore.loaders as loaders

real = loaders.JSONFileLoader.load_file
known = {}


def load_file(self, path):
    if path not in known:
        known[path] = real(self, path)
    return known[path]


loaders.JSONFileLoader.load_file = load_file
session = awscli.clidriver.create_clidriver().session
session.create_client('s3', region_name='us-east-1', aws_access_key_id='a', aws_secret_access_key='b')
del session


def child(run):
    os.chdir(run['dir'])
    data = os.environ['AWS_DATA_PATH']  # set by aws itself, when it is imported
    os.environ.clear()
    os.environ.update(run['env'], AWS_DATA_PATH=data)
    time.tzset()
    for number, name, flags in (
        (0, run['stdin'], os.O_RDONLY),
        (1, run['stdout'], os.O_WRONLY | os.O_CREAT | os.O_TRUNC),
        (2, run['stderr'], os.O_WRONLY | os.O_CREAT | os.O_TRUNC),
    ):
        fd = os.open(name, flags, 0o666)
        os.dup2(fd, number)
        os.close(fd)
    signal.alarm(run['seconds'])
    sys.argv = ['aws'] + run['args']
    try:
        code = awscli.clidriver.main()
    except SystemExit as e:
        code = e.code if isinstance(e.code, int) else 1
    except BaseException:
        traceback.print_exc()
        code = 1
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code or 0)


# What the machine's mime.types says is not aws's.
mimetypes.knownfiles = []
mimetypes.init()

print('ready', flush=True)
for line in iter(sys.stdin.readline, ''):
    run = json.loads(line)
    pid = os.fork()
    if pid == 0:
        child(run)
    _, status = os.waitpid(pid, 0)
    print(os.waitstatus_to_exitcode(status), flush=True)
