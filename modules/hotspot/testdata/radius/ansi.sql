/*M!999999\- enable the sandbox mode */ 
-- MariaDB dump 10.19  Distrib 10.11.19-MariaDB, for debian-linux-gnu (x86_64)
--
-- Host: localhost    Database: radius
-- ------------------------------------------------------
-- Server version	10.11.19-MariaDB-0+deb12u1
/*!40103 SET @OLD_TIME_ZONE=@@TIME_ZONE */;
/*!40103 SET TIME_ZONE='+00:00' */;
/*!40014 SET @OLD_UNIQUE_CHECKS=@@UNIQUE_CHECKS, UNIQUE_CHECKS=0 */;
/*!40014 SET @OLD_FOREIGN_KEY_CHECKS=@@FOREIGN_KEY_CHECKS, FOREIGN_KEY_CHECKS=0 */;
/*!40101 SET @OLD_SQL_MODE=@@SQL_MODE, SQL_MODE='NO_AUTO_VALUE_ON_ZERO,ANSI' */;
/*!40111 SET @OLD_SQL_NOTES=@@SQL_NOTES, SQL_NOTES=0 */;

--
-- Table structure for table "nas"
--

DROP TABLE IF EXISTS "nas";
/*!40101 SET @saved_cs_client     = @@character_set_client */;
/*!40101 SET character_set_client = utf8mb4 */;
CREATE TABLE "nas" (
  "id" int(10) NOT NULL AUTO_INCREMENT,
  "nasname" varchar(128) NOT NULL,
  "shortname" varchar(32) DEFAULT NULL,
  "type" varchar(30) DEFAULT 'other',
  "ports" int(5) DEFAULT NULL,
  "secret" varchar(60) NOT NULL DEFAULT 'secret',
  "server" varchar(64) DEFAULT NULL,
  "community" varchar(50) DEFAULT NULL,
  "description" varchar(200) DEFAULT 'RADIUS Client',
  PRIMARY KEY ("id"),
  KEY "nasname" ("nasname")
);
/*!40101 SET character_set_client = @saved_cs_client */;

--
-- Dumping data for table "nas"
--

LOCK TABLES "nas" WRITE;
/*!40000 ALTER TABLE "nas" DISABLE KEYS */;
/*!40000 ALTER TABLE "nas" ENABLE KEYS */;
UNLOCK TABLES;

--
-- Table structure for table "nasreload"
--

DROP TABLE IF EXISTS "nasreload";
/*!40101 SET @saved_cs_client     = @@character_set_client */;
/*!40101 SET character_set_client = utf8mb4 */;
CREATE TABLE "nasreload" (
  "nasipaddress" varchar(15) NOT NULL,
  "reloadtime" datetime NOT NULL,
  PRIMARY KEY ("nasipaddress")
);
/*!40101 SET character_set_client = @saved_cs_client */;

--
-- Dumping data for table "nasreload"
--

LOCK TABLES "nasreload" WRITE;
/*!40000 ALTER TABLE "nasreload" DISABLE KEYS */;
/*!40000 ALTER TABLE "nasreload" ENABLE KEYS */;
UNLOCK TABLES;

--
-- Table structure for table "radacct"
--

DROP TABLE IF EXISTS "radacct";
/*!40101 SET @saved_cs_client     = @@character_set_client */;
/*!40101 SET character_set_client = utf8mb4 */;
CREATE TABLE "radacct" (
  "radacctid" bigint(21) NOT NULL AUTO_INCREMENT,
  "acctsessionid" varchar(64) NOT NULL DEFAULT '',
  "acctuniqueid" varchar(32) NOT NULL DEFAULT '',
  "username" varchar(64) NOT NULL DEFAULT '',
  "realm" varchar(64) DEFAULT '',
  "nasipaddress" varchar(15) NOT NULL DEFAULT '',
  "nasportid" varchar(32) DEFAULT NULL,
  "nasporttype" varchar(32) DEFAULT NULL,
  "acctstarttime" datetime DEFAULT NULL,
  "acctupdatetime" datetime DEFAULT NULL,
  "acctstoptime" datetime DEFAULT NULL,
  "acctinterval" int(12) DEFAULT NULL,
  "acctsessiontime" int(12) unsigned DEFAULT NULL,
  "acctauthentic" varchar(32) DEFAULT NULL,
  "connectinfo_start" varchar(128) DEFAULT NULL,
  "connectinfo_stop" varchar(128) DEFAULT NULL,
  "acctinputoctets" bigint(20) DEFAULT NULL,
  "acctoutputoctets" bigint(20) DEFAULT NULL,
  "calledstationid" varchar(50) NOT NULL DEFAULT '',
  "callingstationid" varchar(50) NOT NULL DEFAULT '',
  "acctterminatecause" varchar(32) NOT NULL DEFAULT '',
  "servicetype" varchar(32) DEFAULT NULL,
  "framedprotocol" varchar(32) DEFAULT NULL,
  "framedipaddress" varchar(15) NOT NULL DEFAULT '',
  "framedipv6address" varchar(45) NOT NULL DEFAULT '',
  "framedipv6prefix" varchar(45) NOT NULL DEFAULT '',
  "framedinterfaceid" varchar(44) NOT NULL DEFAULT '',
  "delegatedipv6prefix" varchar(45) NOT NULL DEFAULT '',
  "class" varchar(64) DEFAULT NULL,
  PRIMARY KEY ("radacctid"),
  UNIQUE KEY "acctuniqueid" ("acctuniqueid"),
  KEY "username" ("username"),
  KEY "framedipaddress" ("framedipaddress"),
  KEY "framedipv6address" ("framedipv6address"),
  KEY "framedipv6prefix" ("framedipv6prefix"),
  KEY "framedinterfaceid" ("framedinterfaceid"),
  KEY "delegatedipv6prefix" ("delegatedipv6prefix"),
  KEY "acctsessionid" ("acctsessionid"),
  KEY "acctsessiontime" ("acctsessiontime"),
  KEY "acctstarttime" ("acctstarttime"),
  KEY "acctinterval" ("acctinterval"),
  KEY "acctstoptime" ("acctstoptime"),
  KEY "nasipaddress" ("nasipaddress"),
  KEY "class" ("class")
);
/*!40101 SET character_set_client = @saved_cs_client */;

--
-- Dumping data for table "radacct"
--

LOCK TABLES "radacct" WRITE;
/*!40000 ALTER TABLE "radacct" DISABLE KEYS */;
INSERT INTO "radacct" ("radacctid", "acctsessionid", "acctuniqueid", "username", "realm", "nasipaddress", "nasportid", "nasporttype", "acctstarttime", "acctupdatetime", "acctstoptime", "acctinterval", "acctsessiontime", "acctauthentic", "connectinfo_start", "connectinfo_stop", "acctinputoctets", "acctoutputoctets", "calledstationid", "callingstationid", "acctterminatecause", "servicetype", "framedprotocol", "framedipaddress", "framedipv6address", "framedipv6prefix", "framedinterfaceid", "delegatedipv6prefix", "class") VALUES (1,'s1','u1','alice','','10.0.0.1',NULL,NULL,'2026-11-01 08:00:00','2026-11-01 09:00:00','2026-11-01 09:00:00',NULL,3600,NULL,NULL,NULL,1000000,5000000000,'AP-1','3a:71:b4:e9:f7:01','User-Request',NULL,NULL,'192.168.1.2','','','','',NULL);
INSERT INTO "radacct" ("radacctid", "acctsessionid", "acctuniqueid", "username", "realm", "nasipaddress", "nasportid", "nasporttype", "acctstarttime", "acctupdatetime", "acctstoptime", "acctinterval", "acctsessiontime", "acctauthentic", "connectinfo_start", "connectinfo_stop", "acctinputoctets", "acctoutputoctets", "calledstationid", "callingstationid", "acctterminatecause", "servicetype", "framedprotocol", "framedipaddress", "framedipv6address", "framedipv6prefix", "framedinterfaceid", "delegatedipv6prefix", "class") VALUES (2,'s2','u2','bob','','10.0.0.1',NULL,NULL,'2026-11-02 08:00:00','2026-11-02 08:30:00',NULL,NULL,1800,NULL,NULL,NULL,10,20,'AP-1','3a:71:b4:e9:f7:02','',NULL,NULL,'192.168.1.3','','','','',NULL);
INSERT INTO "radacct" ("radacctid", "acctsessionid", "acctuniqueid", "username", "realm", "nasipaddress", "nasportid", "nasporttype", "acctstarttime", "acctupdatetime", "acctstoptime", "acctinterval", "acctsessiontime", "acctauthentic", "connectinfo_start", "connectinfo_stop", "acctinputoctets", "acctoutputoctets", "calledstationid", "callingstationid", "acctterminatecause", "servicetype", "framedprotocol", "framedipaddress", "framedipv6address", "framedipv6prefix", "framedinterfaceid", "delegatedipv6prefix", "class") VALUES (3,'s3','u3','ghost','','10.0.0.1',NULL,NULL,'2026-11-02 08:00:00',NULL,'2026-11-02 08:10:00',NULL,600,NULL,NULL,NULL,10,20,'AP-1','3a:71:b4:e9:f7:03','Lost-Carrier',NULL,NULL,'192.168.1.4','','','','',NULL);
INSERT INTO "radacct" ("radacctid", "acctsessionid", "acctuniqueid", "username", "realm", "nasipaddress", "nasportid", "nasporttype", "acctstarttime", "acctupdatetime", "acctstoptime", "acctinterval", "acctsessiontime", "acctauthentic", "connectinfo_start", "connectinfo_stop", "acctinputoctets", "acctoutputoctets", "calledstationid", "callingstationid", "acctterminatecause", "servicetype", "framedprotocol", "framedipaddress", "framedipv6address", "framedipv6prefix", "framedinterfaceid", "delegatedipv6prefix", "class") VALUES (4,'s4','u4','alice','','10.0.0.1',NULL,NULL,'2019-01-02 08:00:00',NULL,'2019-01-02 08:10:00',NULL,600,NULL,NULL,NULL,10,20,'AP-1','3a:71:b4:e9:f7:01','Lost-Carrier',NULL,NULL,'192.168.1.4','','','','',NULL);
/*!40000 ALTER TABLE "radacct" ENABLE KEYS */;
UNLOCK TABLES;

--
-- Table structure for table "radcheck"
--

DROP TABLE IF EXISTS "radcheck";
/*!40101 SET @saved_cs_client     = @@character_set_client */;
/*!40101 SET character_set_client = utf8mb4 */;
CREATE TABLE "radcheck" (
  "id" int(11) unsigned NOT NULL AUTO_INCREMENT,
  "username" varchar(64) NOT NULL DEFAULT '',
  "attribute" varchar(64) NOT NULL DEFAULT '',
  "op" char(2) NOT NULL DEFAULT '==',
  "value" varchar(253) NOT NULL DEFAULT '',
  PRIMARY KEY ("id"),
  KEY "username" ("username"(32))
);
/*!40101 SET character_set_client = @saved_cs_client */;

--
-- Dumping data for table "radcheck"
--

LOCK TABLES "radcheck" WRITE;
/*!40000 ALTER TABLE "radcheck" DISABLE KEYS */;
INSERT INTO "radcheck" ("id", "username", "attribute", "op", "value") VALUES (1,'alice','Cleartext-Password',':=','won\'der\"la\\nd;),(');
INSERT INTO "radcheck" ("id", "username", "attribute", "op", "value") VALUES (2,'alice','Expiration',':=','31 Dec 2031');
INSERT INTO "radcheck" ("id", "username", "attribute", "op", "value") VALUES (3,'bob','Cleartext-Password',':=','builder');
INSERT INTO "radcheck" ("id", "username", "attribute", "op", "value") VALUES (4,'bob','Simultaneous-Use',':=','2');
INSERT INTO "radcheck" ("id", "username", "attribute", "op", "value") VALUES (5,'carol','Crypt-Password',':=','$1$abc$xyz');
INSERT INTO "radcheck" ("id", "username", "attribute", "op", "value") VALUES (6,'3A-71-B4-E9-F7-99','Auth-Type',':=','Accept');
INSERT INTO "radcheck" ("id", "username", "attribute", "op", "value") VALUES (7,'dave','Cleartext-Password',':=','d');
INSERT INTO "radcheck" ("id", "username", "attribute", "op", "value") VALUES (8,'zoë','Cleartext-Password',':=','pässwörd');
INSERT INTO "radcheck" ("id", "username", "attribute", "op", "value") VALUES (9,'erin','Cleartext-Password',':=','e');
INSERT INTO "radcheck" ("id", "username", "attribute", "op", "value") VALUES (10,'erin','Huntgroup-Name','==','north');
/*!40000 ALTER TABLE "radcheck" ENABLE KEYS */;
UNLOCK TABLES;

--
-- Table structure for table "radgroupcheck"
--

DROP TABLE IF EXISTS "radgroupcheck";
/*!40101 SET @saved_cs_client     = @@character_set_client */;
/*!40101 SET character_set_client = utf8mb4 */;
CREATE TABLE "radgroupcheck" (
  "id" int(11) unsigned NOT NULL AUTO_INCREMENT,
  "groupname" varchar(64) NOT NULL DEFAULT '',
  "attribute" varchar(64) NOT NULL DEFAULT '',
  "op" char(2) NOT NULL DEFAULT '==',
  "value" varchar(253) NOT NULL DEFAULT '',
  PRIMARY KEY ("id"),
  KEY "groupname" ("groupname"(32))
);
/*!40101 SET character_set_client = @saved_cs_client */;

--
-- Dumping data for table "radgroupcheck"
--

LOCK TABLES "radgroupcheck" WRITE;
/*!40000 ALTER TABLE "radgroupcheck" DISABLE KEYS */;
INSERT INTO "radgroupcheck" ("id", "groupname", "attribute", "op", "value") VALUES (1,'guest','Simultaneous-Use',':=','1');
INSERT INTO "radgroupcheck" ("id", "groupname", "attribute", "op", "value") VALUES (2,'daloRADIUS-Disabled-Users','Auth-Type',':=','Reject');
/*!40000 ALTER TABLE "radgroupcheck" ENABLE KEYS */;
UNLOCK TABLES;

--
-- Table structure for table "radgroupreply"
--

DROP TABLE IF EXISTS "radgroupreply";
/*!40101 SET @saved_cs_client     = @@character_set_client */;
/*!40101 SET character_set_client = utf8mb4 */;
CREATE TABLE "radgroupreply" (
  "id" int(11) unsigned NOT NULL AUTO_INCREMENT,
  "groupname" varchar(64) NOT NULL DEFAULT '',
  "attribute" varchar(64) NOT NULL DEFAULT '',
  "op" char(2) NOT NULL DEFAULT '=',
  "value" varchar(253) NOT NULL DEFAULT '',
  PRIMARY KEY ("id"),
  KEY "groupname" ("groupname"(32))
);
/*!40101 SET character_set_client = @saved_cs_client */;

--
-- Dumping data for table "radgroupreply"
--

LOCK TABLES "radgroupreply" WRITE;
/*!40000 ALTER TABLE "radgroupreply" DISABLE KEYS */;
INSERT INTO "radgroupreply" ("id", "groupname", "attribute", "op", "value") VALUES (1,'guest','Session-Timeout',':=','3600');
INSERT INTO "radgroupreply" ("id", "groupname", "attribute", "op", "value") VALUES (2,'guest','Mikrotik-Rate-Limit','=','1M/5M');
INSERT INTO "radgroupreply" ("id", "groupname", "attribute", "op", "value") VALUES (3,'guest','Fall-Through','=','Yes');
INSERT INTO "radgroupreply" ("id", "groupname", "attribute", "op", "value") VALUES (4,'Gold Plan','ChilliSpot-Max-Total-Octets','=','1500000000');
/*!40000 ALTER TABLE "radgroupreply" ENABLE KEYS */;
UNLOCK TABLES;

--
-- Table structure for table "radpostauth"
--

DROP TABLE IF EXISTS "radpostauth";
/*!40101 SET @saved_cs_client     = @@character_set_client */;
/*!40101 SET character_set_client = utf8mb4 */;
CREATE TABLE "radpostauth" (
  "id" int(11) NOT NULL AUTO_INCREMENT,
  "username" varchar(64) NOT NULL DEFAULT '',
  "pass" varchar(64) NOT NULL DEFAULT '',
  "reply" varchar(32) NOT NULL DEFAULT '',
  "authdate" timestamp(6) NOT NULL DEFAULT current_timestamp(6) ON UPDATE current_timestamp(6),
  "class" varchar(64) DEFAULT NULL,
  PRIMARY KEY ("id"),
  KEY "username" ("username"),
  KEY "class" ("class")
);
/*!40101 SET character_set_client = @saved_cs_client */;

--
-- Dumping data for table "radpostauth"
--

LOCK TABLES "radpostauth" WRITE;
/*!40000 ALTER TABLE "radpostauth" DISABLE KEYS */;
/*!40000 ALTER TABLE "radpostauth" ENABLE KEYS */;
UNLOCK TABLES;

--
-- Table structure for table "radreply"
--

DROP TABLE IF EXISTS "radreply";
/*!40101 SET @saved_cs_client     = @@character_set_client */;
/*!40101 SET character_set_client = utf8mb4 */;
CREATE TABLE "radreply" (
  "id" int(11) unsigned NOT NULL AUTO_INCREMENT,
  "username" varchar(64) NOT NULL DEFAULT '',
  "attribute" varchar(64) NOT NULL DEFAULT '',
  "op" char(2) NOT NULL DEFAULT '=',
  "value" varchar(253) NOT NULL DEFAULT '',
  PRIMARY KEY ("id"),
  KEY "username" ("username"(32))
);
/*!40101 SET character_set_client = @saved_cs_client */;

--
-- Dumping data for table "radreply"
--

LOCK TABLES "radreply" WRITE;
/*!40000 ALTER TABLE "radreply" DISABLE KEYS */;
INSERT INTO "radreply" ("id", "username", "attribute", "op", "value") VALUES (1,'alice','Session-Timeout','=','7200');
INSERT INTO "radreply" ("id", "username", "attribute", "op", "value") VALUES (2,'bob','WISPr-Bandwidth-Max-Down',':=','2000000');
INSERT INTO "radreply" ("id", "username", "attribute", "op", "value") VALUES (3,'bob','Framed-IP-Address',':=','10.0.0.9');
/*!40000 ALTER TABLE "radreply" ENABLE KEYS */;
UNLOCK TABLES;

--
-- Table structure for table "radusergroup"
--

DROP TABLE IF EXISTS "radusergroup";
/*!40101 SET @saved_cs_client     = @@character_set_client */;
/*!40101 SET character_set_client = utf8mb4 */;
CREATE TABLE "radusergroup" (
  "id" int(11) unsigned NOT NULL AUTO_INCREMENT,
  "username" varchar(64) NOT NULL DEFAULT '',
  "groupname" varchar(64) NOT NULL DEFAULT '',
  "priority" int(11) NOT NULL DEFAULT 1,
  PRIMARY KEY ("id"),
  KEY "username" ("username"(32))
);
/*!40101 SET character_set_client = @saved_cs_client */;

--
-- Dumping data for table "radusergroup"
--

LOCK TABLES "radusergroup" WRITE;
/*!40000 ALTER TABLE "radusergroup" DISABLE KEYS */;
INSERT INTO "radusergroup" ("id", "username", "groupname", "priority") VALUES (1,'alice','Gold Plan',2);
INSERT INTO "radusergroup" ("id", "username", "groupname", "priority") VALUES (2,'alice','guest',1);
INSERT INTO "radusergroup" ("id", "username", "groupname", "priority") VALUES (3,'bob','guest',1);
INSERT INTO "radusergroup" ("id", "username", "groupname", "priority") VALUES (4,'dave','daloRADIUS-Disabled-Users',0);
INSERT INTO "radusergroup" ("id", "username", "groupname", "priority") VALUES (5,'dave','guest',1);
INSERT INTO "radusergroup" ("id", "username", "groupname", "priority") VALUES (6,'zoë','empty',1);
/*!40000 ALTER TABLE "radusergroup" ENABLE KEYS */;
UNLOCK TABLES;

--
-- Table structure for table "userinfo"
--

DROP TABLE IF EXISTS "userinfo";
/*!40101 SET @saved_cs_client     = @@character_set_client */;
/*!40101 SET character_set_client = utf8mb4 */;
CREATE TABLE "userinfo" (
  "id" int(32) NOT NULL AUTO_INCREMENT,
  "username" varchar(128) DEFAULT NULL,
  "firstname" varchar(200) DEFAULT NULL,
  "lastname" varchar(200) DEFAULT NULL,
  "email" varchar(200) DEFAULT NULL,
  "department" varchar(200) DEFAULT NULL,
  "company" varchar(200) DEFAULT NULL,
  "workphone" varchar(200) DEFAULT NULL,
  "homephone" varchar(200) DEFAULT NULL,
  "mobilephone" varchar(200) DEFAULT NULL,
  "address" varchar(200) DEFAULT NULL,
  "city" varchar(200) DEFAULT NULL,
  "state" varchar(200) DEFAULT NULL,
  "country" varchar(100) DEFAULT NULL,
  "zip" varchar(200) DEFAULT NULL,
  "notes" varchar(200) DEFAULT NULL,
  "changeuserinfo" varchar(128) DEFAULT NULL,
  "portalloginpassword" varchar(128) DEFAULT '',
  "enableportallogin" int(32) DEFAULT 0,
  "creationdate" datetime DEFAULT '0000-00-00 00:00:00',
  "creationby" varchar(128) DEFAULT NULL,
  "updatedate" datetime DEFAULT '0000-00-00 00:00:00',
  "updateby" varchar(128) DEFAULT NULL,
  PRIMARY KEY ("id"),
  KEY "username" ("username")
);
/*!40101 SET character_set_client = @saved_cs_client */;

--
-- Dumping data for table "userinfo"
--

LOCK TABLES "userinfo" WRITE;
/*!40000 ALTER TABLE "userinfo" DISABLE KEYS */;
INSERT INTO "userinfo" ("id", "username", "firstname", "lastname", "email", "department", "company", "workphone", "homephone", "mobilephone", "address", "city", "state", "country", "zip", "notes", "changeuserinfo", "portalloginpassword", "enableportallogin", "creationdate", "creationby", "updatedate", "updateby") VALUES (1,'alice','Alice','Liddell','alice@example.com','Sales',NULL,NULL,NULL,'+44 1865','1 Main Street\nFlat 2','Oxford',NULL,'UK','OX1','VIP; pays cash',NULL,'',0,'0000-00-00 00:00:00','administrator','0000-00-00 00:00:00',NULL);
INSERT INTO "userinfo" ("id", "username", "firstname", "lastname", "email", "department", "company", "workphone", "homephone", "mobilephone", "address", "city", "state", "country", "zip", "notes", "changeuserinfo", "portalloginpassword", "enableportallogin", "creationdate", "creationby", "updatedate", "updateby") VALUES (2,'bob','Bob','','','',NULL,NULL,NULL,'','','',NULL,'','','',NULL,'',0,'0000-00-00 00:00:00',NULL,'0000-00-00 00:00:00',NULL);
/*!40000 ALTER TABLE "userinfo" ENABLE KEYS */;
UNLOCK TABLES;
/*!40103 SET TIME_ZONE=@OLD_TIME_ZONE */;

/*!40101 SET SQL_MODE=@OLD_SQL_MODE */;
/*!40014 SET FOREIGN_KEY_CHECKS=@OLD_FOREIGN_KEY_CHECKS */;
/*!40014 SET UNIQUE_CHECKS=@OLD_UNIQUE_CHECKS */;
/*!40111 SET SQL_NOTES=@OLD_SQL_NOTES */;

-- Dump completed on 2026-11-23 14:48:10
