// Holdfast: an escrow ledger. Everything a program needs.
#pragma once

#include "holdfast/answers.h"
#include "holdfast/commands.h"
#include "holdfast/ids.h"
#include "holdfast/ledger.h"
#include "holdfast/maintenance.h"
#include "holdfast/money.h"
#include "holdfast/postgres.h"
#include "holdfast/queries.h"
#include "holdfast/result.h"
#include "holdfast/time.h"
