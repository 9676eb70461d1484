PRAGMA foreign_keys=OFF;
BEGIN TRANSACTION;
CREATE TABLE radacct (
	radacctid INTEGER PRIMARY KEY AUTOINCREMENT,
	acctsessionid varchar(64) NOT NULL default '',
	acctuniqueid varchar(32) NOT NULL default '',
	username varchar(64) NOT NULL default '',
	realm varchar(64) default '',
	nasipaddress varchar(15) NOT NULL default '',
	nasportid varchar(32) default NULL,
	nasporttype varchar(32) default NULL,
	acctstarttime datetime NULL default NULL,
	acctupdatetime datetime NULL default NULL,
	acctstoptime datetime NULL default NULL,
	acctinterval int(12) default NULL,
	acctsessiontime int(12) default NULL,
	acctauthentic varchar(32) default NULL,
	connectinfo_start varchar(128) default NULL,
	connectinfo_stop varchar(128) default NULL,
	acctinputoctets bigint(20) default NULL,
	acctoutputoctets bigint(20) default NULL,
	calledstationid varchar(50) NOT NULL default '',
	callingstationid varchar(50) NOT NULL default '',
	acctterminatecause varchar(32) NOT NULL default '',
	servicetype varchar(32) default NULL,
	framedprotocol varchar(32) default NULL,
	framedipaddress varchar(15) NOT NULL default '',
	framedipv6address varchar(45) NOT NULL default '',
	framedipv6prefix varchar(45) NOT NULL default '',
	framedinterfaceid varchar(44) NOT NULL default '',
	delegatedipv6prefix varchar(45) NOT NULL default '',
	class varchar(64) default NULL
);
INSERT INTO radacct VALUES(1,'s1','u1','alice','','10.0.0.1',NULL,NULL,'2026-11-01 08:00:00','2026-11-01 09:00:00','2026-11-01 09:00:00',NULL,3600,NULL,NULL,NULL,1000000,5000000000,'AP-1','3a:71:b4:e9:f7:01','User-Request',NULL,NULL,'192.168.1.2','','','','',NULL);
INSERT INTO radacct VALUES(2,'s2','u2','bob','','10.0.0.1',NULL,NULL,'2026-11-02 08:00:00','2026-11-02 08:30:00',NULL,NULL,1800,NULL,NULL,NULL,10,20,'AP-1','3a:71:b4:e9:f7:02','',NULL,NULL,'192.168.1.3','','','','',NULL);
INSERT INTO radacct VALUES(3,'s3','u3','ghost','','10.0.0.1',NULL,NULL,'2026-11-02 08:00:00',NULL,'2026-11-02 08:10:00',NULL,600,NULL,NULL,NULL,10,20,'AP-1','3a:71:b4:e9:f7:03','Lost-Carrier',NULL,NULL,'192.168.1.4','','','','',NULL);
INSERT INTO radacct VALUES(4,'s4','u4','alice','','10.0.0.1',NULL,NULL,'2019-01-02 08:00:00',NULL,'2019-01-02 08:10:00',NULL,600,NULL,NULL,NULL,10,20,'AP-1','3a:71:b4:e9:f7:01','Lost-Carrier',NULL,NULL,'192.168.1.4','','','','',NULL);
CREATE TABLE radcheck (
	id INTEGER PRIMARY KEY AUTOINCREMENT,
	username varchar(64) NOT NULL default '',
	attribute varchar(64)  NOT NULL default '',
	op char(2) NOT NULL DEFAULT '==',
	value varchar(253) NOT NULL default ''
);
INSERT INTO radcheck VALUES(1,'alice','Cleartext-Password',':=','won''der"la\nd;),(');
INSERT INTO radcheck VALUES(2,'alice','Expiration',':=','31 Dec 2031');
INSERT INTO radcheck VALUES(3,'bob','Cleartext-Password',':=','builder');
INSERT INTO radcheck VALUES(4,'bob','Simultaneous-Use',':=','2');
INSERT INTO radcheck VALUES(5,'carol','Crypt-Password',':=','$1$abc$xyz');
INSERT INTO radcheck VALUES(6,'3A-71-B4-E9-F7-99','Auth-Type',':=','Accept');
INSERT INTO radcheck VALUES(7,'dave','Cleartext-Password',':=','d');
INSERT INTO radcheck VALUES(8,'zoë','Cleartext-Password',':=','pässwörd');
INSERT INTO radcheck VALUES(9,'erin','Cleartext-Password',':=','e');
INSERT INTO radcheck VALUES(10,'erin','Huntgroup-Name','==','north');
CREATE TABLE radgroupcheck (
	id INTEGER PRIMARY KEY AUTOINCREMENT,
	groupname varchar(64) NOT NULL default '',
	attribute varchar(64)  NOT NULL default '',
	op char(2) NOT NULL DEFAULT '==',
	value varchar(253)  NOT NULL default ''
);
INSERT INTO radgroupcheck VALUES(1,'guest','Simultaneous-Use',':=','1');
INSERT INTO radgroupcheck VALUES(2,'daloRADIUS-Disabled-Users','Auth-Type',':=','Reject');
CREATE TABLE radgroupreply (
	id INTEGER PRIMARY KEY AUTOINCREMENT,
	groupname varchar(64) NOT NULL default '',
	attribute varchar(64)  NOT NULL default '',
	op char(2) NOT NULL DEFAULT '=',
	value varchar(253)  NOT NULL default ''
);
INSERT INTO radgroupreply VALUES(1,'guest','Session-Timeout',':=','3600');
INSERT INTO radgroupreply VALUES(2,'guest','Mikrotik-Rate-Limit','=','1M/5M');
INSERT INTO radgroupreply VALUES(3,'guest','Fall-Through','=','Yes');
INSERT INTO radgroupreply VALUES(4,'Gold Plan','ChilliSpot-Max-Total-Octets','=','1500000000');
CREATE TABLE radreply (
	id INTEGER PRIMARY KEY AUTOINCREMENT,
	username varchar(64) NOT NULL default '',
	attribute varchar(64) NOT NULL default '',
	op char(2) NOT NULL DEFAULT '=',
	value varchar(253) NOT NULL default ''
);
INSERT INTO radreply VALUES(1,'alice','Session-Timeout','=','7200');
INSERT INTO radreply VALUES(2,'bob','WISPr-Bandwidth-Max-Down',':=','2000000');
INSERT INTO radreply VALUES(3,'bob','Framed-IP-Address',':=','10.0.0.9');
CREATE TABLE radusergroup (
	id INTEGER PRIMARY KEY AUTOINCREMENT,
	username varchar(64) NOT NULL default '',
	groupname varchar(64) NOT NULL default '',
	priority int(11) NOT NULL default '1'
);
INSERT INTO radusergroup VALUES(1,'alice','Gold Plan',2);
INSERT INTO radusergroup VALUES(2,'alice','guest',1);
INSERT INTO radusergroup VALUES(3,'bob','guest',1);
INSERT INTO radusergroup VALUES(4,'dave','daloRADIUS-Disabled-Users',0);
INSERT INTO radusergroup VALUES(5,'dave','guest',1);
INSERT INTO radusergroup VALUES(6,'zoë','empty',1);
CREATE TABLE radpostauth (
	id INTEGER PRIMARY KEY AUTOINCREMENT,
	username varchar(64) NOT NULL default '',
	pass varchar(64) NOT NULL default '',
	reply varchar(32) NOT NULL default '',
	authdate timestamp NOT NULL,
	class varchar(64) default NULL
);
CREATE TABLE nas (
	id INTEGER PRIMARY KEY AUTOINCREMENT,
	nasname varchar(128) NOT NULL,
	shortname varchar(32),
	type varchar(30) DEFAULT 'other',
	ports int(5),
	secret varchar(60) DEFAULT 'secret' NOT NULL,
	server varchar(64),
	community varchar(50),
	description varchar(200) DEFAULT 'RADIUS Client'
);
CREATE TABLE nasreload (
	nasipaddress varchar(15) PRIMARY KEY,
	reloadtime datetime NOT NULL
);
DELETE FROM sqlite_sequence;
INSERT INTO sqlite_sequence VALUES('radcheck',10);
INSERT INTO sqlite_sequence VALUES('radreply',3);
INSERT INTO sqlite_sequence VALUES('radgroupcheck',2);
INSERT INTO sqlite_sequence VALUES('radgroupreply',4);
INSERT INTO sqlite_sequence VALUES('radusergroup',6);
INSERT INTO sqlite_sequence VALUES('radacct',4);
COMMIT;
