package compat

// outages can cause an outage, ship an unanalysed revision, or lose a rollout for good.
var outages = []flaw{
	{
		id: "A1", defect: "A failed canary records a fix before its run, so that whatever stops the tick loses the fix.",
		proofs: []string{
			core + "TestFlawsOfAFailedCanary/KeepsAFixThatHasToWait",
			core + "TestFlawsOfAFailedCanary/KeepsAFixThatIsObstructed", core + "TestPermit/SwallowingARevision",
			core + "TestTracesSurviveInterruptions/failed-then-fixed", controller + "TestAFixOutlivesInterruptedTicks",
		},
	},
	{
		id: "A2", defect: "A primary past its deadline fails every revision that could heal it.",
		proofs: []string{
			core + "TestResting/LetsAFixPassAStuckPrimary", core + "TestFlawsOfAFailedCanary/RunsAFixForAPrimaryPastItsDeadline",
			core + "TestFlawsOfAFailedCanary/AnalysesAFixForAPrimaryPastItsDeadline",
			core + "TestFlawsOfAFailedCanary/PromotesAFixForAPrimaryPastItsDeadline", controller + "TestAFixPassesAPrimaryPastItsDeadline",
		},
	},
	{
		id: "A3", defect: "A fix after a failed promotion sends users to the broken primary and stops the canary that serves them.",
		proofs: []string{
			core + "TestFailed/RunsAFixUnderTheUsersItHas", core + "TestFlawsOfAFailedCanary/KeepsTheCanaryThatServesWhileTheFixWaits",
			core + "TestFlawsOfAFailedCanary/KeepsTheCanaryThatServesWhenTheFixFails", core + "TestPermit/BackToASickPrimary",
			core + "TestTraces/promotion-stuck-then-fixed", controller + "TestParkedUsersStayThroughAFix",
		},
	},
	{
		id: "A4", defect: "The run after a failed promotion starts with all users on the canary, past its hooks and steps.",
		proofs: []string{
			core + "TestFailed/BringsUsersBackBeforeTheNextRun", core + "TestPreRollout/IsOwedToARunThatBeganWithUsers",
			core + "TestTraces/promotion-stuck-fix-is-gated", controller + "TestAHealedPrimaryTakesUsersBeforeTheNextRun",
		},
	},
	{
		id: "A5", defect: "Without a routing object a failed promotion claims to have sent users to the canary.",
		proofs: []string{core + "TestPromoting/ParksNobodyWithoutARoutingObject", core + "TestTraces/promotion-stuck-k8s"},
	},
	{
		id: "A6", defect: "Promotion copies what the target and its configs are at that moment, and not what was analysed.",
		proofs: []string{
			core + "TestPermit/PromotingSomethingElse", core + "TestPermit/PromotingOtherConfigs", controller + "TestPushBetweenAnalysisAndCopy",
			controller + "TestPushWhileAGateIsAsked", workload + "TestNothingIsPromotedThatChangedMeanwhile",
			workload + "TestARevisionThatChangesBetweenTwoAttemptsIsNotPromoted", workload + "TestConfigsThatChangedMeanwhileAreNotPromoted",
			workload + "TestOnlyTheAnalysedServiceIsPromoted",
		},
	},
	{
		id: "A7", defect: "A revision pushed during the promotion runs on a canary that has users, unanalysed.",
		proofs: []string{
			core + "TestPromoting/TakesUsersOffAnUnanalysedRevision", core + "TestTraces/push-while-promoting-in-steps",
			controller + "TestPushWhilePromotingIsAnalysedAfterwards",
			core + "TestUnanalysedPodsLoseTheirUsersWhileThePrimaryRolls",
		},
	},
	{
		id: "A8", defect: "A revision pushed during initialization is recorded as promoted and never reaches the primary.",
		proofs: []string{
			core + "TestInitializing/RecordsWhatThePrimaryCarries", core + "TestTraces/initialization-push-meanwhile",
			controller + "TestAPushDuringInitializationIsAnalysed",
		},
	},
	{
		id: "A9", defect: "A primary that cannot start takes the target, the only healthy copy, down with it.",
		proofs: []string{
			core + "TestInitializing/KeepsTheTargetWhenThePrimaryIsStuck", core + "TestPermit/TheFirstUsersToAPrimaryThatIsNotReady",
			controller + "TestInitializationLeavesTheOnlyHealthyCopy",
		},
	},
	{
		id: "A10", defect: "A primary DaemonSet that is made while the target is stopped is stopped as well.",
		proofs: []string{workload + "TestThePrimaryDaemonSetRunsWhileTheTargetRests"},
	},
	{
		id: "A11", defect: "A deleted primary is made anew from whatever the target carries, with one pod.",
		proofs: []string{
			core + "TestResting/AnalysesWhatMayBringADeletedPrimaryBack", core + "TestFailed/RebuildsOnlyWhatWasPromoted",
			core + "TestPermit/CopyingWhatWasNeverPromoted", controller + "TestADeletedPrimaryIsNotMadeFromAFailure",
			controller + "TestADeletedPrimaryGetsItsSizeBack",
		},
	},
	{
		id: "A12", defect: "A tick sends users back to the primary while a deleted canary hands them to the target.",
		proofs: []string{
			core + "TestTerminating/WaitsForTheTarget", core + "TestTerminating/LetsThePrimaryDrain", controller + "TestNothingUndoesTheHandBack",
			controller + "TestDeletionAtRestStartsTheTargetFirst",
		},
	},
	{
		id: "A13", defect: "Fields of the user's objects that the operator's types do not know are erased.",
		proofs: []string{
			scaler + "TestPauseAndResume", scaler + "TestAnyScaledObject", workload + "TestFieldsOfLaterVersionsAreCopied",
			workload + "TestThePrimarysPodsAreTheTargets", "internal/kube TestApply/KeepsWhatOthersAdd",
			"internal/router/gatewayapi TestConformance",
		},
	},
	{
		id: "A14", defect: "The pause of the target's ScaledObject is copied to the primary's, which stays at no pods.",
		proofs: []string{scaler + "TestPauseNeverReachesThePrimary"},
	},
	{
		id: "A15", defect: "Objects of the user that have a name which the canary needs are overwritten, and collected with it.",
		proofs: []string{
			core + "TestPermit/WhatSomebodyElseMade", controller + "TestBadInput/PrimaryOfSomebodyElse",
			controller + "TestBadInput/ServiceOfSomebodyElse", controller + "TestBadInput/RouteOfSomebodyElse",
			controller + "TestBadReferences/PrimaryServiceOfSomebodyElse", controller + "TestBadReferences/CopyOfAConfigMapOfSomebodyElse",
			controller + "TestBadReferences/CopyOfASecretOfSomebodyElse", controller + "TestBadReferences/CopyOfTheAutoscalerOfSomebodyElse",
			controller + "TestBadReferences/TwoCanariesOneService", configs + "TestWriteLeavesForeignObjects",
			scaler + "TestForeignPrimaryIsLeftAlone", workload + "TestServicesOfOthersAreNotTakenForCopies",
			controller + "TestCanaryOfAPrimary", controller + "TestForeignCopiesAreLookedForAgain",
		},
	},
	{
		id: "A16", defect: "Copies of a Service keep what the API server allocated to it, and are refused.",
		proofs: []string{workload + "TestServicesOfEveryTypeAreCopiedAndPromoted", workload + "TestServicesChangeTheirType"},
	},
	{
		id: "A17", defect: "A promoted Service loses its owner and outlives its canary.",
		proofs: []string{workload + "TestServicesOfEveryTypeAreCopiedAndPromoted"},
	},
}

// stuck are states that nothing leads out of, and wrong decisions.
var stuck = []flaw{
	{
		id: "B1", defect: "A promotion in steps whose route is back at the primary already never ends.",
		proofs: []string{
			core + "TestFlawsOfAPromotion/EndsWhenTheRouteIsBackAlready", core + "TestFlawsOfAPromotion/GoesOnWhenSomebodyTookUsersBack",
			core + "TestPromoting/HasNothingToSwitch", core + "TestTracesSurviveInterruptions/weighted-promotion-steps",
		},
	},
	{
		id: "B2", defect: "A maximum weight above 100 is never reached, so nothing is promoted.",
		proofs: []string{core + "TestNewPlan/TakesALargerMaximumForHundred", core + "TestNewPlan/CutsTheLastStepWeight"},
	},
	{
		id: "B3", defect: "A weight that is no step any more jumps to 100; steps of zero, or that descend, stand still.",
		proofs: []string{
			core + "TestProgressing/FindsItsPlaceInEditedSteps", core + "TestNewPlanRefuses/DescendingSteps", core + "TestNewPlanRefuses/NoStep",
			core + "TestTraces/steps-edited-mid-run", controller + "TestBadInput/StepWeightsDescending", controller + "TestBadInput/StepWeightZero",
		},
	},
	{
		id: "B4", defect: "A run that has done more iterations than are asked for now idles for ever.",
		proofs: []string{core + "TestABTest/PromotesWithFewerIterationsThanDone", core + "TestFlawsOfARun/PromotesABlueGreenRunPastItsIterations"},
	},
	{
		id: "B5", defect: "A weighted run with mirroring never leaves weight 0 where the provider cannot mirror.",
		proofs: []string{core + "TestNewPlanRefuses/NoMirroredStep", controller + "TestBadInput/MirrorNotSupported"},
	},
	{
		id: "B6", defect: "A canary that waits for approval asks no rollback hook and does not see that its target was reverted.",
		proofs: []string{
			core + "TestWaiting/AsksTheRollbackHooksFirst", core + "TestWaiting/IsRolledBackByHand", core + "TestWaiting/EndsWhenTheTargetIsReverted",
			core + "TestTraces/gate-rollout-reverted", core + "TestTraces/rollback-hook-waiting",
		},
	},
	{
		id: "B7", defect: "A reverted target goes on being analysed, and what was abandoned is recorded as promoted.",
		proofs: []string{
			core + "TestProgressingIsInterrupted/IsCancelledByAManualRollback", core + "TestFlawsOfARun/KeepsAnAbandonedRevisionThatComesBack",
			core + "TestFlawsOfARun/RunsAnAbandonedRevisionThatComesBack", core + "TestPermit/PromotedInNameOnly",
			controller + "TestRevertEndsTheRun", controller + "TestARevertedRevisionMayComeBack",
		},
	},
	{
		id: "B8", defect: "A promotion that waits for approval reports weight 0 and -1 iterations, with users on the canary.",
		proofs: []string{
			core + "TestConfirmPromotion/HoldsThePromotionAndKeepsTheWeight", core + "TestAdopt/RestoresTheCountersOfAWaitingPromotion",
			controller + "TestGates/ConfirmPromotion",
		},
	},
	{
		id: "B9", defect: "A promotion gate that closes between switch and copy sends Blue/Green back to its iterations.",
		proofs: []string{
			core + "TestBlueGreen/KeepsTrafficWhenTheGateClosesAgain", core + "TestFlawsOfARun/MirrorsNobodyAgainWhenTheGateCloses",
			core + "TestFlawsOfARun/IteratesNoMoreWhileTheGateIsClosed", core + "TestTraces/gate-promotion-bluegreen-recloses",
		},
	},
	{
		id: "B10", defect: "A rollback for a deadline tells nobody.",
		proofs: []string{
			core + "TestRollBack/RoutesBackBeforeScalingDown", core + "TestTraces/canary-stuck", controller + "TestCanaryThatNeverStartsIsRolledBack",
			core + "TestCatalogue", controller + "TestAlertsFollowTheirEvents",
		},
	},
	{
		id: "B11", defect: "An alert without a severity is never sent.",
		proofs: []string{notify + "TestAlertGoesByItsSeverity"},
	},
	{
		id: "B12", defect: "A primary that is scaled to zero counts as ready.",
		proofs: []string{
			workload + "TestReadiness/ScaledToZero", workload + "TestReadiness/ScaledToZeroAfterADeadline",
			workload + "TestReadinessOfDaemonSets/ScaledToZero", core + "TestPermit/MoreToADeadPrimary",
		},
	},
	{
		id: "B13", defect: "The deadline of a DaemonSet counts from the last write to the status, whatever that was about.",
		proofs: []string{
			core + "TestFlawsOfDeadlines/HaveNotPassedBecauseNothingHappened", core + "TestFlawsOfDeadlines/CountFromWhenItWasSeen",
			core + "TestFlawsOfDeadlines/Pass", workload + "TestReadinessOfDaemonSets/NotAvailable",
		},
	},
	{
		id: "B14", defect: "A Knative revision that is broken is waited for without end.",
		proofs: []string{workload + "TestAKnativeServiceIsObserved", knative + "TestARevisionThatNeverStarts"},
	},
	{
		id: "B15", defect: "The weights of a Knative route are read as equal after a promotion.",
		proofs: []string{knative + "TestAfterThePromotionAllUsersAreThePrimarys"},
	},
	{
		id: "B16", defect: "Finalising a Knative canary kills the process.",
		proofs: []string{controller + "TestPanicStaysWithItsCanary", knative + "TestADeletedCanaryHandsTheServiceBack"},
	},
	{
		id: "B17", defect: "A canary that is edited into an invalid one is carried out, and nobody is told.",
		proofs: []string{
			controller + "TestSpecBrokenMidRun", controller + "TestMeasureErrors/CrossNamespace", controller + "TestBadInput/TemplateElsewhere",
			core + "TestNewPlanRefuses/ForeignTemplate", core + "TestRefuse/SaysWhy",
		},
	},
	{
		id: "B18", defect: "What failed is not tried again until something else happens.",
		proofs: []string{
			controller + "TestOneFailureOfTheAPIServerIsTriedAgain", controller + "TestSettle/Error", controller + "TestExplain/Outage",
			controller + "TestCrashAfterEveryWrite/Initialization", controller + "TestCrashAfterEveryWrite/Deletion",
		},
	},
	{
		id: "B19", defect: "One canary with a fraction keeps every canary from being read.",
		proofs: []string{
			"api/v1beta1 TestListDecodesWithFractions", core + "TestNewPlanRefuses/FractionalPort",
			controller + "TestBadInput/FractionOfAWeight", "test/compat TestRefused/FractionOfStep",
		},
	},
	{
		id: "B20", defect: "A canary without an analysis, or with one under its former name, kills the process.",
		proofs: []string{
			"api/v1beta1 TestGetAnalysis/FormerName", core + "TestNewPlan/WithoutAnalysis", core + "TestNewPlan/ReadsTheDeprecatedName",
			core + "TestTraces/no-analysis", controller + "TestAnalysisOfOldCanaries/None", controller + "TestAnalysisOfOldCanaries/FormerName",
			controller + "TestAvailable/NoAnalysis",
		},
	},
	{
		id: "B21", defect: "A query that cannot be rendered is sent empty; one without an interval is sent with none.",
		proofs: []string{
			controller + "TestMeasureErrors/InlineBroken", controller + "TestMeasureErrors/TemplateBroken", controller + "TestMeasureAsks",
		},
	},
}

// races are about bad moments, restarts and lost updates.
var races = []flaw{
	{
		id: "C1", defect: "Every restart takes a step in every run at once.",
		proofs: []string{controller + "TestARestartTakesNoStep", core + "TestProgressing/WaitsForTheTick", core + "TestPermit/AStepBeforeItsTime"},
	},
	{
		id: "C2", defect: "A new interval starts a second tick beside the one that is under way.",
		proofs: []string{controller + "TestANewIntervalTakesNoStep", core + "TestPermit/ForgettingTheLastLook"},
	},
	{
		id: "C3", defect: "A conflict drops the session cookies that users have got already.",
		proofs: []string{controller + "TestAConflictKeepsTheCookie", core + "TestCookies"},
	},
	{
		id: "C4", defect: "The writes of one tick are in each other's way, and counters are computed from old copies.",
		proofs: []string{
			controller + "TestOneLookIsOneStatusWrite", controller + "TestAnOldCopyIsNotRecorded",
			controller + "TestSomebodyElseWritesTheCanary",
		},
	},
	{
		id: "C5", defect: "A crash between the copy and the phase repeats the analysis and rolls the primary twice.",
		proofs: []string{
			controller + "TestCrashAfterEveryWrite/Weighted", workload + "TestACrashedPromotionIsNotRolledTwice",
			workload + "TestACrashAfterTheConfigsIsMendedByOneRoll", workload + "TestIDsFollowCanaryAndVersion",
			core + "TestTracesSurviveInterruptions/weighted",
		},
	},
	{
		id: "C6", defect: "What follows the end of a run is lost in a crash; what begins one is told again when scaling fails.",
		proofs: []string{controller + "TestAWriteThatFailsIsNotTold", controller + "TestPostRolloutHooksOutliveACrash"},
	},
	{
		id: "C7", defect: "A rollback that fails is told every interval, and swallows what is pushed meanwhile.",
		proofs: []string{controller + "TestAWriteThatFailsIsNotTold", core + "TestTracesSurviveInterruptions/metric-fails"},
	},
	{
		id: "C8", defect: "The target is stopped before its users have been moved to the primary.",
		proofs: []string{
			core + "TestInitializing/MovesUsersOnceThePrimaryIsReady", core + "TestInitializing/DrainsTheTarget",
			workload + "TestTheAutoscalerIsPausedFirstAndResumedFirst", controller + "TestTargetServesUntilThePrimaryDoes",
		},
	},
	{
		id: "C9", defect: "A canary whose deletion was missed is worked on for ever.",
		proofs: []string{controller + "TestCanaryThatIsGone", controller + "TestDeletionWithoutRevert"},
	},
	{
		id: "C10", defect: "The finalizer is removed by an event handler, and not again if that fails.",
		proofs: []string{controller + "TestRevertIsSwitchedOff", controller + "TestCrashAfterEveryWrite/Deletion", controller + "TestWake"},
	},
	{
		id: "C11", defect: "A primary that could not be read passes for one that exists.",
		proofs: []string{workload + "TestAnUnreachableServerIsNotAMissingPrimary", workload + "TestAServiceThatCannotBeRead"},
	},
	{
		id: "C12", defect: "Workloads are written back whole, over what others wrote meanwhile.",
		proofs: []string{
			workload + "TestAnOldCopyDoesNotScaleADaemonSet", workload + "TestADaemonSetStopsAndStartsByOneKey",
			workload + "TestAWriteThatMeetsAnothersIsRepeated", workload + "TestAWriteThatMeetsAnothers",
			workload + "TestAKnativePromotionThatMeetsAnotherWrite",
		},
	},
	{
		id: "C13", defect: "An operator that has lost its leadership goes on writing.",
		proofs: []string{controller + "TestNothingIsWrittenAfterTheEnd", "cmd/manager TestHowARunEnds/Lost"},
	},
	{
		id: "C14", defect: "Making Services edits the labels of the canary in memory, and so those of the route.",
		proofs: []string{controller + "TestAdaptersLeaveTheCanaryAsItIs"},
	},
}

// detection is about what counts as a new version.
var detection = []flaw{
	{
		id: "D1", defect: "A new version of the Kubernetes API, or another spelling of the same template, restarts every canary.",
		proofs: []string{
			workload + "TestRevisionVectors", workload + "TestFieldsOfALaterAPIChangeNothing", workload + "TestSpellingsOfOneTemplate/EmptyMaps",
			workload + "TestSpellingsOfOneTemplate/BinaryQuantities", controller + "TestAdoptsACanaryOfFlagger", core + "TestAdopt/Records",
		},
	},
	{
		id: "D2", defect: "Stopping a DaemonSet looks like a new revision of it.",
		proofs: []string{workload + "TestADaemonSetStopsAndStartsByOneKey"},
	},
	{
		id: "D3", defect: "Addresses and ports that a Service was given look like a new revision of it.",
		proofs: []string{workload + "TestServiceRevision"},
	},
	{
		id: "D4", defect: "Configs: binary data is ignored, reverting is a release, the last reference decides, copies stay, all is read every tick.",
		proofs: []string{
			configs + "TestSum/BinaryData", configs + "TestWrite/BinaryData", configs + "TestReferences/MandatoryFirst",
			configs + "TestReferences/MandatoryLast", configs + "TestRequests", controller + "TestBinaryDataIsPartOfARelease",
			core + "TestFlawsOfChangeDetection/ARevertedConfigEndsItsRun", core + "TestFlawsOfChangeDetection/ARevertedConfigStartsNoRun",
			controller + "TestCopiesThatNobodyRefersToGo",
		},
	},
	{
		id: "D5", defect: "A new size or autoscaler of the target reaches the primary with the next release only.",
		proofs: []string{
			core + "TestFlawsOfChangeDetection/ASizeReachesThePrimary", core + "TestFlawsOfChangeDetection/AnAutoscalerReachesThePrimary",
			workload + "TestAPromotedPrimaryFollowsTheTargetsSize", scaler + "TestSyncFollows",
		},
	},
}
