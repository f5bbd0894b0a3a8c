// The commands, one function each; their rows are in main.c. A command returns the exit code.
#pragma once

#include "services/cli/cli.h"

#include <stdio.h>

int command_migrate(const Cli *cli, int argc, char **argv);
int command_reference_load(const Cli *cli, int argc, char **argv);
int command_reference_check(const Cli *cli, int argc, char **argv);
int command_publish(const Cli *cli, int argc, char **argv);
int command_import(const Cli *cli, int argc, char **argv);
int command_simulate(const Cli *cli, int argc, char **argv);
int command_status(const Cli *cli, int argc, char **argv);
int command_as_of(const Cli *cli, int argc, char **argv);
int command_history(const Cli *cli, int argc, char **argv);
int command_watch(const Cli *cli, int argc, char **argv);
int command_held(const Cli *cli, int argc, char **argv);
int command_release(const Cli *cli, int argc, char **argv);
int command_reject(const Cli *cli, int argc, char **argv);
int command_approve(const Cli *cli, int argc, char **argv);
int command_audit_verify(const Cli *cli, int argc, char **argv);
int command_audit_seal(const Cli *cli, int argc, char **argv);
int command_audit_export(const Cli *cli, int argc, char **argv);
int command_replay(const Cli *cli, int argc, char **argv);
int command_schema_check(const Cli *cli, int argc, char **argv);
int command_config_sample(const Cli *cli, int argc, char **argv);

// Publishes a stream of JSON lines, checked whole before the first is sent, and says how many were.
// The stream is read from its present position to its end; `name` is for messages.
int publish_file(const Cli *cli, FILE *file, const char *name);
